#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace modelfs {

void File::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<File> open_at(int dir, const std::string& path, int flags, mode_t mode) {
  const int fd = ::openat(dir, path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) return Status::from_errno(errno, "open " + path);
  return File(fd);
}

Result<std::size_t> read_at(int fd, std::uint64_t offset_bytes, ByteSpan into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset_bytes + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Status::from_errno(errno, "read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Status write_at(int fd, std::uint64_t offset_bytes, ByteView bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset_bytes + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Status::from_errno(errno, "write");
    done += static_cast<std::size_t>(put);
  }
  return {};
}

Result<std::string> read_all(int fd, std::size_t max_bytes) {
  std::string text;
  for (;;) {
    const std::size_t have = text.size();
    if (have > max_bytes) return Status(Code::TooLarge, "larger than " + std::to_string(max_bytes) + " bytes");
    text.resize(have + 65536);
    const auto got = read_at(fd, have, ByteSpan(reinterpret_cast<std::byte*>(text.data()) + have, 65536));
    if (!got.ok()) return got.status();
    text.resize(have + *got);
    if (*got < 65536) break;
  }
  if (text.size() > max_bytes) return Status(Code::TooLarge, "larger than " + std::to_string(max_bytes) + " bytes");
  return text;
}

Status replace_file(int dir, const std::string& name, std::string_view bytes) {
  const std::string temporary = name + ".tmp";
  auto file = open_at(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (!file.ok()) return file.status();
  if (Status status = write_at(file->fd(), 0, bytes_of(bytes)); !status.ok()) return status;
  if (Status status = sync_file(file->fd(), temporary); !status.ok()) return status;
  if (::renameat(dir, temporary.c_str(), dir, name.c_str()) != 0)
    return Status::from_errno(errno, "rename " + temporary);
  return sync_file(dir, "the directory of " + name);
}

Status sync_file(int fd, std::string_view what) {
  // Why no retry: after a failed fsync the kernel may have dropped the pages and would report success the second time.
  if (::fsync(fd) != 0) return Status::from_errno(errno, "fsync " + std::string(what));
  return {};
}

Status copy_bytes(int from, int to) {
  struct stat info {};
  if (::fstat(from, &info) != 0) return Status::from_errno(errno, "stat a file to copy");
  if (::ioctl(to, FICLONE, from) == 0) return {};
  if (::ftruncate(to, info.st_size) != 0) return Status::from_errno(errno, "truncate a copy");
  for (off_t data = 0; data < info.st_size;) {
    data = ::lseek(from, data, SEEK_DATA);
    if (data < 0) return errno == ENXIO ? Status() : Status::from_errno(errno, "seek in a file to copy");
    const off_t hole = ::lseek(from, data, SEEK_HOLE);
    if (hole < 0) return Status::from_errno(errno, "seek in a file to copy");
    for (off_t out = data; data < hole;) {
      const ssize_t count = ::copy_file_range(from, &data, to, &out, static_cast<std::size_t>(hole - data), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Status::from_errno(errno, "copy a file");
      if (count == 0) return {Code::IoError, "a file to copy became shorter"};
    }
  }
  return {};
}

Status list_names(int directory, std::vector<std::string>& names) {
  const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return Status::from_errno(errno, "open a directory");
  DIR* stream = ::fdopendir(copy);
  if (stream == nullptr) {
    ::close(copy);
    return Status::from_errno(errno, "list a directory");
  }
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int error = errno;
  ::closedir(stream);
  return error == 0 ? Status() : Status::from_errno(error, "list a directory");
}

}  // namespace modelfs
