// File descriptors with an owner, and whole reads and writes.
#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Owns a file descriptor; -1 is none.
class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  ~File() { reset(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  int fd() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// Opens `path` below the directory `dir` (AT_FDCWD: the working directory). Adds O_CLOEXEC.
// The path is one that the daemon made itself; its last component is never followed if it is a symlink.
Result<File> open_at(int dir, const std::string& path, int flags, mode_t mode = 0);

// As much of [offset, offset + into.size()) as the file has; short only at its end.
Result<std::size_t> read_at(int fd, std::uint64_t offset_bytes, ByteSpan into);
// Writes all of `bytes`, or fails.
Status write_at(int fd, std::uint64_t offset_bytes, ByteView bytes);
// The whole of a small file. TooLarge above `max_bytes`.
Result<std::string> read_all(int fd, std::size_t max_bytes);
// Replaces the file `name` in `dir` by one with `bytes`, atomically and durably (temporary file, fsync, rename, fsync
// of dir).
Status replace_file(int dir, const std::string& name, std::string_view bytes);
Status sync_file(int fd, std::string_view what);
// Copies the whole of `from` into the empty file `to`, by sharing blocks where the file system can, and keeps holes.
Status copy_bytes(int from, int to);
// The names in an open directory, without "." and "..", in no order.
Status list_names(int directory, std::vector<std::string>& names);

}  // namespace modelfs
