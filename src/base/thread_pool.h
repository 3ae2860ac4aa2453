// A few threads for work that may take long, so that it never sits on a thread that answers requests.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"

namespace modelfs {

// Fair between those whom it works for: they take turns, however much one of them has submitted. Safe for concurrent
// use. The destructor runs what is still queued, then joins.
class ThreadPool {
 public:
  // Whom work is for: a user's number, where users share the pool.
  using Owner = std::uint64_t;

  // `name`: at most 12 bytes, shown by ps -L with the thread's number. Where the machine allows fewer threads, it has
  // those; where it allows none, std::system_error. `per_owner_max`: so many threads at most work for one owner at the
  // same time, so that others need not wait for an end of its work; 0: all of them.
  ThreadPool(const std::string& name, unsigned thread_count, unsigned per_owner_max = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Runs `work` on one of the threads, an owner's in the order of submission. `work` throws nothing.
  void submit(std::function<void()> work, Owner owner = 0) EXCLUDES(mutex_);

 private:
  // What one owner has submitted; gone when there is nothing.
  struct Line {
    std::deque<std::function<void()>> waiting;
    unsigned running = 0;
    bool has_turn = false;  // is in turns_
  };
  void run() EXCLUDES(mutex_);
  void give_turn(Owner owner, Line& line) REQUIRES(mutex_);

  const unsigned per_owner_max_;
  Mutex mutex_;  // leaf lock
  Condition wake_;
  std::unordered_map<Owner, Line> lines_ GUARDED_BY(mutex_);
  std::deque<Owner> turns_ GUARDED_BY(mutex_);        // those that may have a thread, the next one first
  std::size_t waiting_count_ GUARDED_BY(mutex_) = 0;  // in all lines
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace modelfs
