// The reserve: free space of the disk that growing files leave alone, so that there is room to remove them.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "base/mutex.h"
#include "base/status.h"

namespace modelfs {

// Safe for concurrent use.
//
// The disk is asked at most once for kBytesBetweenLooks that were allowed or kTimeBetweenLooks, whichever comes first,
// and before each refusal. What is allowed in between is taken from what was free then, so drafts alone never reach
// into the reserve by more than their file system's own bookkeeping; others may, by what they write in
// kTimeBetweenLooks.
class DraftSpace {
 public:
  static constexpr std::uint64_t kBytesBetweenLooks = 8ull << 20;
  static constexpr std::chrono::milliseconds kTimeBetweenLooks{20};

  using Time = std::chrono::steady_clock::time_point;
  // What is free for anybody, in bytes; nothing: that cannot be told.
  using AskFree = std::function<std::optional<std::uint64_t>()>;

  // Keeps `reserve_bytes` free; 0: nothing is kept, and nobody asked. `now` is for tests.
  DraftSpace(
      AskFree ask_free, std::uint64_t reserve_bytes,
      std::function<Time()> now = [] { return std::chrono::steady_clock::now(); });

  // Asks the file system of the directory `dir`, which stays open meanwhile.
  static AskFree of_directory(int dir);

  // NoSpace: `more_bytes` would reach into the reserve.
  Status check(std::uint64_t more_bytes) EXCLUDES(mutex_);

 private:
  bool is_fresh(std::uint64_t more_bytes) const REQUIRES(mutex_);
  // By the last look.
  bool fits(std::uint64_t more_bytes) const REQUIRES(mutex_);

  const AskFree ask_free_;
  const std::uint64_t reserve_bytes_;
  const std::function<Time()> now_;
  // Leaf lock. Held while the disk is asked: whoever comes meanwhile would only ask the same.
  Mutex mutex_;
  std::optional<std::uint64_t> free_bytes_ GUARDED_BY(mutex_);  // at the last look
  std::uint64_t allowed_bytes_ GUARDED_BY(mutex_) = 0;          // since then
  Time looked_at_ GUARDED_BY(mutex_){};
};

}  // namespace modelfs
