// Polls for the next request of a busy program instead of sleeping until it arrives.
#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/mutex.h"

namespace modelfs {

// What polling has to know of a request read from /dev/fuse.
struct RequestSketch {
  std::uint32_t kind = 0;    // such as FUSE_OPEN; 0, which the kernel does not use: too short to be a request
  std::uint32_t sender = 0;  // the calling thread; 0: the kernel itself, as for RELEASE
  // It moves few bytes, so it is answered within microseconds unless something must be read from a disk.
  bool is_quick = false;
  bool is_awaited = true;  // the caller waits for the answer
};
RequestSketch sketch_of(const void* request, std::size_t size_bytes);

// Decides which worker reads requests, and how it waits for them.
//
// Why: to wake a thread that sleeps on another processor takes longer than most requests do. Measured in a virtual
// machine: two fifths of what an open of a small file costs. So while one program sends quick requests one behind the
// other, one worker, the poller, keeps polling for the next one; the others stay away from the device meanwhile,
// because the kernel would wake one of them for each request. That ends, and all of them sleep in read(2) again, when
//   - no request came within the window;
//   - a request came that is not quick;
//   - requests pile up while others are awaited, so that several workers get on faster than one;
//   - the poller is held up for kStuckAfter: by a disk, by a lock, or because others have the processors.
// The cost of polling is bounded: it begins only after kStreakMin quick requests in a row (more while it did not pay
// off), and ends one window after the last one.
//
// Safe for concurrent use by one thread for each worker number.
class AdaptivePolling {
 public:
  static constexpr unsigned kStreakMin = 64;  // requests in a row that begin it
  static constexpr unsigned kStreakMax = 1024;
  static constexpr unsigned kWorthIt = 64;  // requests that a poller must have found for the next one to begin early
  static constexpr std::chrono::microseconds kGapMax{200};  // from one of a streak to the next, on the average
  static constexpr std::chrono::milliseconds kStuckAfter{2};

  struct Hooks {
    std::function<bool()> is_there;       // tells without waiting whether a request is
    std::function<void()> wake_sleepers;  // interrupts workers that sleep in read(2), so that they ask for their turn
    std::function<std::chrono::nanoseconds()> clock = [] {
      return std::chrono::steady_clock::now().time_since_epoch();
    };
    std::chrono::milliseconds stuck_after = kStuckAfter;
  };

  // `window` 0: never polls. The hooks are called by workers, without a lock held.
  AdaptivePolling(std::chrono::microseconds window, Hooks hooks);

  // Returns when `worker` may read. True: it has polled, and a request is there. The read must still be one that
  // `wake_sleepers` and the end interrupt: another worker may take the request.
  bool wait_for_turn(unsigned worker) EXCLUDES(mutex_);
  // `worker` has read a request, and is about to answer it.
  void took(unsigned worker, RequestSketch request) EXCLUDES(mutex_);
  // From now on no worker polls, and those that wait for their turn get it.
  void end() EXCLUDES(mutex_);

  bool is_polling() const { return poller_ != kNobody; }

 private:
  static constexpr unsigned kNobody = ~0u;
  static constexpr unsigned kJudgedAtOnce = 64;  // requests that were found

  bool look(unsigned worker) EXCLUDES(mutex_);
  // Every kJudgedAtOnce requests.
  void judge(unsigned worker) EXCLUDES(mutex_);
  void begin(unsigned worker);
  void leave(unsigned poller) EXCLUDES(mutex_);
  bool stops(unsigned poller);
  void stay_away() EXCLUDES(mutex_);

  const std::chrono::microseconds window_;
  const Hooks hooks_;

  std::atomic<unsigned> poller_ = kNobody;
  std::atomic<bool> has_ended_ = false;
  std::atomic<std::uint32_t> sender_ = 0;  // of the last request that has one
  // While no worker polls: the number of quick requests in a row.
  std::atomic<unsigned> streak_ = 0;
  std::atomic<unsigned> turns_ = 0;  // of them, those of another sender than before
  std::atomic<std::int64_t> streak_begun_ns_ = 0;
  std::atomic<unsigned> streak_needed_ = kStreakMin;

  // While a worker polls.
  std::atomic<unsigned> found_ = 0;
  std::atomic<unsigned> piled_ = 0;  // since the last decision: those that had another behind them

  Mutex mutex_;  // leaf lock
  Condition changed_;
  bool is_watched_ GUARDED_BY(mutex_) = false;  // a worker that stays away watches the poller
};

}  // namespace modelfs
