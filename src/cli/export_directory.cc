#include "cli/export_directory.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/names.h"
#include "control/copy_content.h"

namespace modelfs {
namespace {

// Of a file until it is whole, or of the directory that a tree is made in. One name is enough: one export writes at a
// time, one thing at a time. What a killed export left is removed when the next one writes there.
constexpr const char* kBesideName = ".modelfs-export";
constexpr std::size_t kReadBytesMax = 2 << 20;

std::string joined(const ExportPath& path) {
  std::string text;
  for (const std::string& name : path) text += (text.empty() ? "" : "/") + name;
  return text;
}

Status in_place(const ExportPath& path, const Status& status) {
  return {status.code(), printable(joined(path)) + ": " + status.message()};
}

Status check(const ExportPath& path) {
  for (const std::string& name : path) {
    if (Status status = check_file_name(name); !status.ok()) return status;
    if (name == kBesideName) return {Code::InvalidArgument, printable(name) + " is a name that exports use themselves"};
  }
  return {};
}

// A path to a name in an open directory, for functions that need a path: it follows no symlink on the way.
std::string path_in(int directory, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(directory) + "/" + name;
}

Status clear_beside(int parent) {
  std::error_code error;
  std::filesystem::remove_all(path_in(parent, kBesideName), error);
  return error ? Status::from_errno(error.value(), "remove a temporary name") : Status();
}

ExportPath parent_of(const ExportPath& path) { return {path.begin(), path.end() - 1}; }

}  // namespace

ExportBytes export_text(std::string_view text) {
  return {text.size(), [text](std::uint64_t offset) { return Result<std::string>(std::string(text.substr(offset))); }};
}

Result<std::unique_ptr<ExportDirectory>> ExportDirectory::open(const std::string& path) {
  // As Python's os.path.abspath: symlinks stay.
  std::string absolute = std::filesystem::absolute(path).lexically_normal().native();
  while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
  if (path.empty() || !is_utf8(absolute)) {
    return Status(Code::IllegalName, printable(path) + ": not UTF-8; documents must be able to name the directory");
  }
  const mode_t mask = ::umask(0);
  (void)::umask(mask);
  if (::mkdir(absolute.c_str(), 0777) != 0 && errno != EEXIST) {
    return Status::from_errno(errno, "make " + printable(absolute));
  }
  File root(::open(absolute.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return Status::from_errno(errno, "open " + printable(absolute));
  if (::flock(root.fd(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Status(Code::Busy, printable(absolute) + ": another export writes there");
    return Status::from_errno(errno, "lock " + printable(absolute));
  }
  return std::unique_ptr<ExportDirectory>(new ExportDirectory(std::move(absolute), std::move(root), mask));
}

Result<File> ExportDirectory::find_directory(const ExportPath& path) const {
  if (Status status = check(path); !status.ok()) return status;
  File at(::openat(root_.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (const std::string& name : path) {
    if (!at.valid()) break;
    at = File(::openat(at.fd(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  if (at.valid()) return at;
  const int error = errno == ELOOP ? ENOTDIR : errno;
  return Status::from_errno(error, "open the directory " + printable(joined(path)));
}

Result<File> ExportDirectory::directory(const ExportPath& path) {
  auto found = find_directory(path);
  if (found.ok() || found.code() != Code::NotFound) return found;
  const auto parent = directory(parent_of(path));
  if (!parent.ok()) return parent.status();
  if (::mkdirat(parent->fd(), path.back().c_str(), 0700) == 0) {
    // The mask may be another one by now.
    (void)::fchmodat(parent->fd(), path.back().c_str(), 0777 & ~mask_, 0);
  } else if (errno != EEXIST) {
    return Status::from_errno(errno, "make " + printable(joined(path)));
  }
  return find_directory(path);
}

Result<Kept> ExportDirectory::compare(int parent, const std::string& name, const ExportBytes& bytes) const {
  struct stat info {};
  if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return Kept::Written;
    return Status::from_errno(errno, "compare it");
  }
  if (!S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) != bytes.size_bytes) return Kept::Different;
  const auto file = open_at(parent, name, O_RDONLY);
  if (!file.ok()) return file.status();
  std::string there;
  for (std::uint64_t offset = 0; offset < bytes.size_bytes;) {
    const auto part = bytes.read(offset);
    if (!part.ok()) return part.status();
    if (part->empty()) return Status(Code::Corrupt, "it ends early");
    there.resize(part->size());
    const auto got = read_at(file->fd(), offset, std::as_writable_bytes(std::span(there.data(), there.size())));
    if (!got.ok()) return got.status();
    if (*got != part->size() || there != *part) return Kept::Different;
    offset += part->size();
  }
  return Kept::Same;
}

Result<Kept> ExportDirectory::look(const ExportPath& path, const ExportBytes& bytes) const {
  const auto parent = find_directory(parent_of(path));
  if (parent.code() == Code::NotFound) return Kept::Written;
  if (parent.code() == Code::NotADirectory) return Kept::Different;
  if (!parent.ok()) return parent.status();
  if (Status status = check(path); !status.ok()) return status;
  const auto kept = compare(parent->fd(), path.back(), bytes);
  return kept.ok() ? kept : Result<Kept>(in_place(path, kept.status()));
}

Status ExportDirectory::write_beside(int parent, const ExportBytes& bytes) const {
  if (Status status = clear_beside(parent); !status.ok()) return status;
  const auto file = open_at(parent, kBesideName, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!file.ok()) return file.status();
  for (std::uint64_t offset = 0; offset < bytes.size_bytes;) {
    const auto part = bytes.read(offset);
    if (!part.ok()) return part.status();
    if (part->empty()) return {Code::Corrupt, "it ends early"};
    if (Status status = write_at(file->fd(), offset, bytes_of(*part)); !status.ok()) return status;
    offset += part->size();
  }
  if (::fchmod(file->fd(), 0666 & ~mask_) != 0) return Status::from_errno(errno, "set the mode");
  return sync_file(file->fd(), kBesideName);
}

Result<Kept> ExportDirectory::write(const ExportPath& path, const ExportBytes& bytes) {
  const auto seen = look(path, bytes);
  if (!seen.ok() || *seen != Kept::Written) return seen;
  const auto parent = directory(parent_of(path));
  if (!parent.ok()) return parent.status();
  Status status = write_beside(parent->fd(), bytes);
  if (status.ok() && ::renameat2(parent->fd(), kBesideName, parent->fd(), path.back().c_str(), RENAME_NOREPLACE) != 0) {
    status = Status::from_errno(errno, "rename it into place");
  }
  if (status.ok()) return Kept::Written;
  (void)::unlinkat(parent->fd(), kBesideName, 0);
  return in_place(path, status);
}

Result<Kept> ExportDirectory::write_tree(const ExportPath& path,
                                         const std::function<Status(const std::string& place)>& fill) {
  if (Status status = check(path); !status.ok()) return status;
  const auto parent = directory(parent_of(path));
  if (!parent.ok()) return parent.status();
  struct stat info {};
  if (::fstatat(parent->fd(), path.back().c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return Kept::Different;
  Status status = clear_beside(parent->fd());
  if (!status.ok()) return in_place(path, status);
  if (::mkdirat(parent->fd(), kBesideName, 0700) != 0) return Status::from_errno(errno, "make a directory");
  const std::string place = std::string(kBesideName) + "/tree";
  status = fill(path_in(parent->fd(), place));
  if (status.ok() &&
      ::renameat2(parent->fd(), place.c_str(), parent->fd(), path.back().c_str(), RENAME_NOREPLACE) != 0) {
    status = Status::from_errno(errno, "rename it into place");
  }
  (void)clear_beside(parent->fd());
  return status.ok() ? Result<Kept>(Kept::Written) : in_place(path, status);
}

Result<std::optional<std::string>> ExportDirectory::read(const ExportPath& path) const {
  using Read = std::optional<std::string>;
  const auto parent = find_directory(parent_of(path));
  if (parent.code() == Code::NotFound) return Read();
  if (!parent.ok()) return parent.status();
  const auto file = open_at(parent->fd(), path.back(), O_RDONLY | O_NONBLOCK);
  if (!file.ok()) return file.code() == Code::NotFound ? Result<Read>(Read()) : Result<Read>(file.status());
  struct stat info {};
  if (::fstat(file->fd(), &info) != 0 || !S_ISREG(info.st_mode)) return Read();
  auto text = read_all(file->fd(), kReadBytesMax);
  if (!text.ok()) return in_place(path, text.status());
  return Read(*std::move(text));
}

Status ExportDirectory::replace(const ExportPath& path, std::string_view text) {
  if (Status status = check(path); !status.ok()) return status;
  const auto parent = directory(parent_of(path));
  if (!parent.ok()) return parent.status();
  Status status = write_beside(parent->fd(), export_text(text));
  if (status.ok() && ::renameat(parent->fd(), kBesideName, parent->fd(), path.back().c_str()) != 0) {
    status = Status::from_errno(errno, "rename it into place");
  }
  return status.ok() ? status : in_place(path, status);
}

Status ExportDirectory::sync() const {
  if (::syncfs(root_.fd()) != 0) return Status::from_errno(errno, "sync " + printable(path_));
  return {};
}

}  // namespace modelfs
