// The thread that compacts archives when the machine has nothing better to do.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <functional>
#include <thread>

#include "base/mutex.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Has a thread of its own, of the lowest priority for the processor, and idle for the disk. Safe for concurrent use.
class CompactionThread {
 public:
  // `compact` does what there is to do, until it is told to stop. Called on the thread, one call at a time.
  using Compact = std::function<Status(const std::atomic<bool>& cancel)>;
  explicit CompactionThread(Compact compact);
  ~CompactionThread();
  CompactionThread(const CompactionThread&) = delete;
  CompactionThread& operator=(const CompactionThread&) = delete;

  // There may be something to do.
  void wake() EXCLUDES(mutex_);
  // Ends at the next step; what is left is done after the next start.
  void stop() EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);

  const Compact compact_;
  std::atomic<bool> stopping_{false};
  std::atomic<pid_t> thread_id_{0};
  Mutex mutex_;  // leaf lock
  Condition wake_;
  bool woken_ GUARDED_BY(mutex_) = true;  // begins with what the last process left
  std::thread thread_;                    // last: it uses all of the above
};

}  // namespace modelfs
