// A few threads for work that may take long, so that it never sits on a thread that answers requests.
#pragma once
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace modelfs {

// Safe for concurrent use. The destructor runs what is still queued, then joins.
class ThreadPool {
 public:
  // `name`: at most 12 bytes, shown by ps -L with the thread's number. Where the machine allows fewer threads, it has
  // those; where it allows none, std::system_error.
  ThreadPool(const std::string& name, unsigned thread_count);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Runs `work` on one of the threads, in the order of submission. `work` throws nothing.
  void submit(std::function<void()> work);

 private:
  void run();

  Mutex mutex_;  // leaf lock
  Condition wake_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace modelfs
