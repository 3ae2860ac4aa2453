// The bytes of a file as a memory mapping.
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
// than what is in use. Safe for concurrent use.
class MappedFile {
 public:
  // Fewer are read as fast as they are found.
  static constexpr std::size_t kBytesMin = 32 << 10;
  static constexpr std::uint64_t kWindowBytes = 64ull << 20;

  // `descriptor`: of a file of `size_bytes`; outlives this.
  MappedFile(int descriptor, std::uint64_t size_bytes) : descriptor_(descriptor), size_bytes_(size_bytes) {}

  // The bytes [offset, offset + count), valid as long as the pointer beside them; all of them were in memory just now.
  // Only the kernel may access them, as it does when they are written somewhere: a page that the disk fails to deliver
  // again is EFAULT for the kernel, and SIGBUS for us. Empty: too few, not in the file, or not possible this way; read
  // them instead.
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
