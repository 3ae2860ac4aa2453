// How often the kernel has asked for what.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace modelfs {

// Safe for concurrent use. Cheap enough to be always on: one addition a request.
class RequestCounts {
 public:
  // A request as it came from /dev/fuse.
  void count(const void* request, std::size_t size_bytes);
  // Those that have come, by the kernel's names in small letters ("read"), since the mount.
  std::vector<std::pair<std::string, std::uint64_t>> by_kind() const;

 private:
  static constexpr std::size_t kKinds = 64;  // the kernel's numbers are below; 0, which it does not use: others
  std::array<std::atomic<std::uint64_t>, kKinds> counts_{};
};

}  // namespace modelfs
