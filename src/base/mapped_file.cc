#include "base/mapped_file.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

namespace modelfs {
namespace {

constexpr std::uint64_t kPageBytes = 4096;

std::uint64_t page_of(std::uint64_t offset_bytes) { return offset_bytes / kPageBytes * kPageBytes; }

}  // namespace

class MappedFile::Window {
 public:
  Window(int descriptor, std::uint64_t offset_bytes, std::uint64_t size_bytes)
      : offset_bytes_(offset_bytes),
        size_bytes_(size_bytes),
        start_(::mmap(nullptr, size_bytes, PROT_READ, MAP_SHARED, descriptor, static_cast<off_t>(offset_bytes))) {}
  ~Window() {
    if (is_mapped()) ::munmap(start_, size_bytes_);
  }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  bool is_mapped() const { return start_ != MAP_FAILED; }
  bool holds(std::uint64_t offset_bytes, std::size_t count_bytes) const {
    return offset_bytes >= offset_bytes_ && offset_bytes + count_bytes <= offset_bytes_ + size_bytes_;
  }
  std::byte* at(std::uint64_t offset_bytes) const {
    return static_cast<std::byte*>(start_) + (offset_bytes - offset_bytes_);
  }

 private:
  const std::uint64_t offset_bytes_;
  const std::uint64_t size_bytes_;
  void* const start_;
};

std::shared_ptr<const MappedFile::Window> MappedFile::window(std::uint64_t offset_bytes,
                                                             std::size_t count_bytes) const {
  {
    const MutexLock lock(mutex_);
    for (const auto& known : windows_) {
      if (known && known->holds(offset_bytes, count_bytes)) return known;
    }
  }
  const std::uint64_t start = page_of(offset_bytes);
  const std::uint64_t size_bytes =
      std::min(std::max(kWindowBytes, offset_bytes - start + count_bytes), size_bytes_ - start);
  auto made = std::make_shared<const Window>(descriptor_, start, size_bytes);
  if (!made->is_mapped()) return nullptr;
  const MutexLock lock(mutex_);
  windows_[1] = std::exchange(windows_[0], made);
  return made;
}

std::optional<MappedFile::Range> MappedFile::find(std::uint64_t offset_bytes, std::size_t count_bytes) const {
  if (count_bytes < kBytesMin || offset_bytes > size_bytes_ || count_bytes > size_bytes_ - offset_bytes) return {};
  auto found = window(offset_bytes, count_bytes);
  if (!found) return {};
  const std::uint64_t first = page_of(offset_bytes);
  const std::size_t populated_bytes = offset_bytes + count_bytes - first;
  // An error of the disk shows here; the caller then reads instead and gets it.
  while (::madvise(found->at(first), populated_bytes, MADV_POPULATE_READ) != 0) {
    if (errno != EINTR) return {};
  }
  return Range{ByteView(found->at(offset_bytes), count_bytes), std::move(found)};
}

}  // namespace modelfs
