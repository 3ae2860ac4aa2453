#include "engine/rocksdb/ballast.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <vector>

#include "base/file.h"
#include "base/log.h"

namespace modelfs {
namespace {

constexpr std::size_t kChunkBytes = 1 << 20;
constexpr std::uint64_t kStepBytes = 64 << 10;

// Where the file system cannot preallocate. Why random bytes: some file systems store no zeros.
Status fill(int file, std::uint64_t from, std::uint64_t to) {
  std::mt19937_64 random;  // any seed
  std::vector<std::uint64_t> chunk(kChunkBytes / sizeof(std::uint64_t));
  for (std::uint64_t at = from; at < to; at += kChunkBytes) {
    std::generate(chunk.begin(), chunk.end(), [&random] { return random(); });
    const auto bytes = std::as_bytes(std::span(chunk)).first(std::min<std::uint64_t>(kChunkBytes, to - at));
    if (Status status = write_at(file, at, bytes); !status.ok()) return status;
  }
  return {};
}

Status allocate(int file, std::uint64_t from, std::uint64_t to) {
  while (::fallocate(file, 0, static_cast<off_t>(from), static_cast<off_t>(to - from)) != 0) {
    if (errno == EOPNOTSUPP) return fill(file, from, to);
    if (errno != EINTR) return Status::from_errno(errno, "allocate the ballast");
  }
  return {};
}

}  // namespace

Ballast::Ballast(int store_directory, std::uint64_t whole_bytes)
    : store_directory_(store_directory), whole_bytes_(whole_bytes) {
  struct stat info {};
  const MutexLock lock(mutex_);
  if (::fstatat(store_directory_, kName, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode)) {
    held_bytes_ = static_cast<std::uint64_t>(info.st_size);
  }
}

std::uint64_t Ballast::held_bytes() const {
  const MutexLock lock(mutex_);
  return held_bytes_;
}

void Ballast::give_back(std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  if (held_bytes_ == 0 || bytes == 0) return;
  // Why in steps: only whole blocks become free.
  const std::uint64_t rest = bytes < held_bytes_ ? (held_bytes_ - bytes) / kStepBytes * kStepBytes : 0;
  const auto file = open_at(store_directory_, kName, O_WRONLY | O_NOFOLLOW);
  if (!file.ok() || ::ftruncate(file->fd(), static_cast<off_t>(rest)) != 0) {
    const std::string why = file.ok() ? std::strerror(errno) : file.status().message();
    return log::warn("the ballast of the store stays as it is: {}", why);
  }
  // Why: some file systems free the space with their next commit only.
  if (Status status = sync_file(file->fd(), kName); !status.ok()) log::warn("{}", status.message());
  log::warn("the disk of the store is full; {} of {} bytes of ballast were freed", held_bytes_ - rest, held_bytes_);
  held_bytes_ = rest;
}

void Ballast::refill(std::uint64_t spare_bytes) {
  const MutexLock lock(mutex_);
  if (held_bytes_ >= whole_bytes_ || refused_) return;
  const std::uint64_t missing = whole_bytes_ - held_bytes_;
  // Little by little would cost every commit something.
  if (spare_bytes < std::min<std::uint64_t>(missing, kChunkBytes)) return;
  take(held_bytes_ + std::min(missing, spare_bytes));
}

void Ballast::take(std::uint64_t size_bytes) {
  const auto file = open_at(store_directory_, kName, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
  Status status = file.status();
  if (status.ok()) status = allocate(file->fd(), held_bytes_, size_bytes);
  if (status.ok()) {
    held_bytes_ = size_bytes;
    return;
  }
  refused_ = true;
  log::warn("the ballast of the store stays at {} bytes: {}", held_bytes_, status.message());
  // A part that was allocated is unused: it would not be counted.
  if (file.ok()) (void)::ftruncate(file->fd(), static_cast<off_t>(held_bytes_));
}

}  // namespace modelfs
