// Blobs that could not be had a moment ago, so that nobody waits for them again at once.
#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/digest.h"
#include "base/mutex.h"
#include "base/status.h"

namespace modelfs {

// Safe for concurrent use.
class Refusals {
 public:
  static constexpr std::chrono::seconds kRemembered{60};
  using Time = std::chrono::steady_clock::time_point;

  explicit Refusals(std::function<Time()> clock) : clock_(std::move(clock)) {}

  void add(const Digest& digest, const Status& status) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const Time now = clock_();
    std::erase_if(refused_, [now](const auto& each) { return each.second.second <= now; });
    refused_.insert_or_assign(digest, std::pair(status, now + kRemembered));
  }
  std::optional<Status> find(const Digest& digest) const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const auto found = refused_.find(digest);
    if (found == refused_.end() || found->second.second <= clock_()) return std::nullopt;
    return found->second.first;
  }
  // The bucket answers again.
  void forget_all() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    refused_.clear();
  }

 private:
  const std::function<Time()> clock_;
  mutable Mutex mutex_;                                                   // leaf lock
  std::map<Digest, std::pair<Status, Time>> refused_ GUARDED_BY(mutex_);  // and until when
};

}  // namespace modelfs
