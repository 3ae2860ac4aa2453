// Metrics of the kernel's requests: how many of each kind, how they were answered, and how long that took.
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

// Safe for concurrent use. Cheap enough to be always on: one addition when a request is received, two when it is
// answered, no lock. Why not counters for each thread: an addition that waits for another processor costs less than a
// hundredth of the least request.
class RequestMetrics {
 public:
  // A request of `kind` (such as FUSE_OPEN) was received.
  void on_received(std::uint32_t kind);
  // It was found by polling, without a sleep (AdaptivePolling).
  void on_poll_hit();
  // A request of `kind` was answered with `error` (0: it succeeded), so long after it was received.
  void answered(std::uint32_t kind, int error, std::chrono::nanoseconds taken);

  // The requests since the mount, by the kernel's names in lower case ("read").
  std::vector<std::pair<std::string, std::uint64_t>> by_kind() const;
  // All of it.
  void describe(PrometheusWriter& into) const;

  // "open" for FUSE_OPEN; "?" for a kind that the kernel does not send us.
  static const char* name_of(std::uint32_t kind);

 private:
  static constexpr std::size_t kKinds = 64;    // the kernel's numbers are below; 0, which it does not use: others
  static constexpr std::size_t kErrors = 134;  // Linux' numbers are below; 0: others
  static constexpr std::size_t kTimes = 15;

  struct alignas(64) Answers {
    std::array<std::atomic<std::uint64_t>, kTimes> by_time{};
    std::atomic<std::uint64_t> total_ns = 0;
  };

  std::array<std::atomic<std::uint64_t>, kKinds> received_{};
  std::atomic<std::uint64_t> poll_hits_ = 0;
  std::array<Answers, kKinds> answers_{};
  std::array<std::array<std::atomic<std::uint64_t>, kErrors>, kKinds> errors_{};
};

}  // namespace modelfs
