// The thread that compacts archives when the machine has nothing better to do.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Has a thread of its own, of the lowest priority for the processor, and idle for the disk. Safe for concurrent use.
class CompactionThread {
 public:
  // What compacts the archives of these containers, or all that wait, until it is told to stop. Called on the thread,
  // one call at a time.
  struct Work {
    std::function<Status(const std::atomic<bool>& cancel)> all;
    std::function<Status(const std::vector<Ino>& containers, const std::atomic<bool>& cancel)> some;
  };
  // Begins with all: what the last process left.
  explicit CompactionThread(Work work);
  ~CompactionThread();
  CompactionThread(const CompactionThread&) = delete;
  CompactionThread& operator=(const CompactionThread&) = delete;

  // An archive has come.
  void wake(Ino container) EXCLUDES(mutex_);
  // Ends at the next step; what is left is done after the next start.
  void stop() EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  void rest() EXCLUDES(mutex_);

  // What comes within this time of the last is done together: each time all that refers to blobs is read.
  static constexpr std::chrono::seconds kRest{1};

  const Work work_;
  std::atomic<bool> stopping_{false};
  std::atomic<pid_t> thread_id_{0};
  Mutex mutex_;  // leaf lock
  Condition wake_;
  std::vector<Ino> came_ GUARDED_BY(mutex_);
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace modelfs
