#include "drafts/holes.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace modelfs {

FileRun run_at(int fd, std::uint64_t offset_bytes, std::uint64_t end_bytes) {
  const off_t data = ::lseek(fd, static_cast<off_t>(offset_bytes), SEEK_DATA);
  // ENXIO: nothing but a hole is left. Anything else is met again by who reads the bytes.
  if (data < 0) return {errno == ENXIO, end_bytes};
  const auto data_bytes = static_cast<std::uint64_t>(data);
  if (data_bytes > offset_bytes) return {true, std::min(data_bytes, end_bytes)};
  const off_t hole = ::lseek(fd, data, SEEK_HOLE);
  return {false, hole <= data ? end_bytes : std::min(static_cast<std::uint64_t>(hole), end_bytes)};
}

std::uint64_t hole_bytes(int fd, std::uint64_t enough_bytes) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return 0;
  const auto size_bytes = static_cast<std::uint64_t>(info.st_size);
  const std::uint64_t allocated_bytes = static_cast<std::uint64_t>(info.st_blocks) * 512;
  // Why not the answer itself: a file system that compresses allocates less than there is data.
  if (allocated_bytes + enough_bytes >= size_bytes) return size_bytes - std::min(size_bytes, allocated_bytes);
  std::uint64_t found = 0;
  for (std::uint64_t at = 0; at < size_bytes && found <= enough_bytes;) {
    const FileRun run = run_at(fd, at, size_bytes);
    if (run.is_hole) found += run.end_bytes - at;
    at = run.end_bytes;
  }
  return found;
}

}  // namespace modelfs
