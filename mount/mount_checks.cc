#include "mount/mount_checks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>
#include <system_error>
#include <vector>

#include "base/file.h"
#include "cli/location.h"
#include "cli/no_answer.h"
#include "cli/umount.h"
#include "mount/mount_point.h"
#include "os/unmount.h"
#include "store/store_lock.h"

namespace modelfs {
namespace {

Status stale_mount(const std::string& path) {
  return Status(Code::Busy,
                path + " is the mount of a daemon that has died; remove it first: modelfs umount " + shell_word(path));
}

Status mounted_already(const Mount& mounted) {
  const std::string holder = holder_of(mounted.source);
  return Status(Code::Busy, mounted.mount_point + " is a modelfs mount already, of " + mounted.source +
                                (holder.empty() ? "" : " (" + holder + ")") + "; unmount it first: modelfs umount " +
                                shell_word(mounted.mount_point));
}

// After it there is nothing of ours at `mounted.mount_point`, or it says why.
Status clear_way(const Mount& mounted) {
  if (use_of(mounted.source) == StoreUse::Stopped) return no_answer(mounted.mount_point, mounted.source);
  // Why first: a mount of a daemon that was killed may be one that never answers.
  if (!is_abandoned(mounted.source) && !is_dead_mount(mounted.mount_point)) return mounted_already(mounted);
  const Status removed = remove_dead_mount(mounted);
  if (!removed.ok()) {
    return Status(removed.code(),
                  mounted.mount_point + " is the mount of a daemon that has died. " + removed.message());
  }
  std::fprintf(stderr, "modelfs: %s was the mount of a daemon that has died; it was unmounted\n",
               mounted.mount_point.c_str());
  return {};
}

Status check_empty_directory(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return errno == ENOTCONN ? stale_mount(path) : Status::from_errno(errno, path);
  }
  if (!S_ISDIR(info.st_mode))
    return Status(Code::NotADirectory, path + " is not a directory: a mount point must be one");
  const auto directory = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return directory.status();
  std::vector<std::string> names;
  if (Status status = list_names(directory->fd(), names); !status.ok()) return status;
  if (names.empty()) return {};
  return Status(Code::NotEmpty,
                path + " is not empty, and the mount would hide what is in it; mount at a new directory: mkdir " +
                    shell_word(path + "/modelfs"));
}

bool is_in_path(const std::string& program) {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(std::string(path != nullptr ? path : "") + ":/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (!folder.empty() && ::access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

// Unmounts what a killed daemon has left at `path`. Does not access the mount, which may never answer. Why in a loop:
// dead mounts are stacked when one was mounted over another.
Status clear_way(const std::string& path) {
  for (;;) {
    const auto place = absolute_path(path);
    const auto mounted = place.ok() ? mounted_at(*place) : Result<std::optional<Mount>>(place.status());
    if (!mounted.ok() || !*mounted || !(*mounted)->is_ours()) return {};
    if (Status status = clear_way(**mounted); !status.ok()) return status;
  }
}

}  // namespace

Result<std::string> check_mount_point(const std::string& path) {
  if (Status status = check_answers(std::filesystem::path(path).parent_path()); !status.ok()) return status;
  if (Status status = clear_way(path); !status.ok()) return status;
  if (Status status = check_answers(path); !status.ok()) return status;
  const std::unique_ptr<char, void (*)(void*)> resolved(::realpath(path.c_str(), nullptr), std::free);
  if (resolved == nullptr) {
    if (errno == ENOTCONN) return stale_mount(path);
    if (errno == ENOENT) {
      return Status(Code::NotFound, "no mount point " + path + "; make it first: mkdir " + shell_word(path));
    }
    return Status::from_errno(errno, path);
  }
  std::string mount_point = resolved.get();
  const auto mounted = mounted_at(mount_point);
  if (!mounted.ok()) return mounted.status();
  // By way of a symlink.
  if (*mounted && (*mounted)->is_ours()) {
    if (Status status = clear_way(mount_point); !status.ok()) return status;
  }
  if (Status status = check_empty_directory(mount_point); !status.ok()) return status;
  return mount_point;
}

Result<std::string> check_store_path(const std::string& path, const std::string& mount_point) {
  std::error_code error;
  std::string store = std::filesystem::weakly_canonical(path, error).native();
  if (error) return Status::from_errno(error.value(), "the store " + path);
  if (store.size() > 1 && store.back() == '/') store.pop_back();
  if (lies_within(store, mount_point)) {
    return Status(Code::InvalidArgument, "the store " + store + " lies under the mount point " + mount_point +
                                             ": the daemon would wait for itself; mount elsewhere");
  }
  if (lies_within(mount_point, store)) {
    return Status(Code::InvalidArgument, "the mount point " + mount_point + " lies in the store " + store +
                                             ", which belongs to the daemon; mount elsewhere");
  }
  return store;
}

Status check_fuse(bool wants_allow_other) {
  if (::access("/dev/fuse", F_OK) != 0) {
    return Status(Code::Unsupported,
                  "there is no /dev/fuse; load the kernel's module (modprobe fuse), or give the container the device");
  }
  if (::geteuid() == 0) return {};
  if (!is_in_path("fusermount3")) {
    return Status(Code::NotFound,
                  "an ordinary user mounts through fusermount3, which is absent; install it: apt install fuse3");
  }
  if (!wants_allow_other) return {};
  const auto conf = open_at(AT_FDCWD, "/etc/fuse.conf", O_RDONLY);
  const auto text = conf.ok() ? read_all(conf->fd(), 1u << 20) : Result<std::string>(conf.status());
  if (text.ok() && grants_allow_other(*text)) return {};
  return Status(Code::NotPermitted,
                "an ordinary user may not use allow_other here; mount without it, or have root add the line "
                "user_allow_other to /etc/fuse.conf");
}

bool grants_allow_other(std::string_view fuse_conf) {
  std::istringstream lines{std::string(fuse_conf)};
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string::npos) continue;
    const auto last = line.find_last_not_of(" \t\r");
    if (line.substr(first, last - first + 1) == "user_allow_other") return true;
  }
  return false;
}

bool lies_within(std::string_view path, std::string_view directory) {
  if (directory == "/") return true;
  if (path.substr(0, directory.size()) != directory) return false;
  return path.size() == directory.size() || path[directory.size()] == '/';
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,+@%=";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
    } else {
      word.push_back(c);
    }
  }
  return word + "'";
}

}  // namespace modelfs
