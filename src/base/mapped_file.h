// Bytes of a file in memory, without reading them.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "base/types.h"

namespace modelfs {

// A file that never changes, mapped window by window, so that it costs address space and page tables for little more
// than what is being looked at. Safe for concurrent use.
class MappedFile {
 public:
  // Fewer are read as fast as they are found.
  static constexpr std::size_t kBytesMin = 32 << 10;
  static constexpr std::uint64_t kWindowBytes = 64ull << 20;

  // `descriptor`: of a file of `size_bytes`; outlives this.
  MappedFile(int descriptor, std::uint64_t size_bytes) : descriptor_(descriptor), size_bytes_(size_bytes) {}

  // The bytes [offset, offset + count), valid as long as the pointer beside them; all of them were in memory a moment
  // ago. Only the kernel may look at them, as it does when they are written somewhere: what the disk fails to give
  // again is EFAULT for it, and SIGBUS for others. Nothing: too few, not in the file, or they cannot be had this way;
  // read them.
  struct Range {
    ByteView bytes;
    std::shared_ptr<const void> keeper;
  };
  std::optional<Range> find(std::uint64_t offset_bytes, std::size_t count_bytes) const EXCLUDES(mutex_);

 private:
  class Window;
  std::shared_ptr<const Window> window(std::uint64_t offset_bytes, std::size_t count_bytes) const EXCLUDES(mutex_);

  const int descriptor_;
  const std::uint64_t size_bytes_;
  mutable Mutex mutex_;  // leaf lock
  // The last two, newest first: read-ahead of a reader is answered by several threads, in about the order of the file.
  mutable std::array<std::shared_ptr<const Window>, 2> windows_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
