// How often the kernel has asked for what, how it was answered and how long that took.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/prometheus_writer.h"

namespace modelfs {

// Safe for concurrent use. Cheap enough to be always on: one addition when a request comes, two when it is answered, no
// lock. Why not counters for each thread: an addition that waits for another processor costs less than a hundredth of
// the least request.
class RequestCounts {
 public:
  // A request of `kind` (FUSE_OPEN) has come.
  void came(std::uint32_t kind);
  // It was found by looking for it, without a sleep (AdaptivePolling).
  void found();
  // A request of `kind` was answered with `error` (0: it succeeded), so long after it had come.
  void answered(std::uint32_t kind, int error, std::chrono::nanoseconds taken);

  // Those that have come, by the kernel's names in small letters ("read"), since the mount.
  std::vector<std::pair<std::string, std::uint64_t>> by_kind() const;
  // All of it.
  void describe(PrometheusWriter& into) const;

  // "open" for FUSE_OPEN; "?" for what the kernel does not ask us for.
  static const char* name_of(std::uint32_t kind);

 private:
  static constexpr std::size_t kKinds = 64;    // the kernel's numbers are below; 0, which it does not use: others
  static constexpr std::size_t kErrors = 134;  // Linux' numbers are below; 0: others
  static constexpr std::size_t kTimes = 15;

  struct alignas(64) Answers {
    std::array<std::atomic<std::uint64_t>, kTimes> by_time{};
    std::atomic<std::uint64_t> total_ns = 0;
  };

  std::array<std::atomic<std::uint64_t>, kKinds> came_{};
  std::atomic<std::uint64_t> found_ = 0;
  std::array<Answers, kKinds> answers_{};
  std::array<std::array<std::atomic<std::uint64_t>, kErrors>, kKinds> errors_{};
};

}  // namespace modelfs
