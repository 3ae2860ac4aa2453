#include "drafts/host_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/log.h"

namespace modelfs {
namespace {

constexpr unsigned kFolderCount = 256;  // made when first needed
constexpr std::string_view kUnsharing = ".own";

std::string folder_name(std::uint64_t number) {
  char text[4];
  std::snprintf(text, sizeof text, "%02x", static_cast<unsigned>(number & 255));
  return text;
}

}  // namespace

std::string HostFiles::name_of(Ino ino) {
  char text[32];
  std::snprintf(text, sizeof text, "%02x/%" PRIx64, static_cast<unsigned>(raw(ino) & 255), raw(ino));
  return text;
}

Result<struct stat> HostFiles::stat(Ino ino) const {
  struct stat info {};
  if (::fstatat(dir_, name_of(ino).c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return info;
  return Status::from_errno(errno, "stat " + name_of(ino));
}

Result<File> HostFiles::create(Ino ino) const {
  auto host = open_at(dir_, name_of(ino), O_RDWR | O_CREAT | O_EXCL, 0600);
  if (host.ok() || host.status().host_errno() != ENOENT) return host;
  const std::string folder = folder_name(raw(ino));
  if (::mkdirat(dir_, folder.c_str(), 0700) != 0 && errno != EEXIST)
    return Status::from_errno(errno, "create " + folder);
  return open_at(dir_, name_of(ino), O_RDWR | O_CREAT | O_EXCL, 0600);
}

Result<File> HostFiles::replace(Ino ino) const {
  remove({ino});
  return create(ino);
}

Result<File> HostFiles::open(Ino ino, bool writes) const {
  const std::string path = name_of(ino);
  auto host = open_at(dir_, path, writes ? O_RDWR : O_RDONLY);
  if (!writes || host.ok() || host.status().host_errno() != EACCES) return host;
  // A commit that failed after it had linked the file leaves it as a blob is: without w.
  if (::fchmodat(dir_, path.c_str(), 0600, 0) != 0) return Status::from_errno(errno, "chmod " + path);
  return open_at(dir_, path, O_RDWR);
}

Status HostFiles::unshare(Ino ino) const {
  const std::string path = name_of(ino);
  const auto info = stat(ino);
  if (!info.ok()) return info.status();
  if (info->st_nlink == 1) return {};
  auto from = open_at(dir_, path, O_RDONLY);
  if (!from.ok()) return from.status();
  const std::string fresh = path + std::string(kUnsharing);
  (void)::unlinkat(dir_, fresh.c_str(), 0);
  auto to = open_at(dir_, fresh, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (!to.ok()) return to.status();
  if (Status status = copy_bytes(from->fd(), to->fd()); !status.ok()) return status;
  if (Status status = sync_file(to->fd(), fresh); !status.ok()) return status;
  const timespec times[2] = {info->st_atim, info->st_mtim};
  (void)::futimens(to->fd(), times);
  if (::renameat(dir_, fresh.c_str(), dir_, path.c_str()) != 0) return Status::from_errno(errno, "rename " + fresh);
  return {};
}

void HostFiles::remove(const std::vector<Ino>& gone) const {
  for (const Ino ino : gone) {
    if (::unlinkat(dir_, name_of(ino).c_str(), 0) != 0 && errno != ENOENT) {
      log::warn("draft file {} stays behind: {}", name_of(ino), Status::from_errno(errno, "unlink").message());
    }
  }
}

Status HostFiles::for_each(const std::function<void(const Found&)>& visit) const {
  for (unsigned i = 0; i < kFolderCount; ++i) {
    const std::string folder_path = folder_name(i);
    auto folder = open_at(dir_, folder_path, O_RDONLY | O_DIRECTORY);
    if (folder.code() == Code::NotFound) continue;
    if (!folder.ok()) return folder.status();
    std::vector<std::string> names;
    if (Status status = list_names(folder->fd(), names); !status.ok()) return status;
    for (const std::string& name : names) {
      const std::string path = folder_path + "/" + name;
      char* end = nullptr;
      const Ino ino{std::strtoull(name.c_str(), &end, 16)};
      if (name.ends_with(kUnsharing)) {
        visit({std::nullopt, path});
      } else if (*end == '\0') {
        visit({ino, path});
      }
    }
  }
  return {};
}

bool HostFiles::remove_left(const Found& found) const { return ::unlinkat(dir_, found.name.c_str(), 0) == 0; }

}  // namespace modelfs
