// std::mutex with Clang's thread-safety annotations; they vanish under g++.
#pragma once
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define MODELFS_TSA(x) __attribute__((x))
#else
#define MODELFS_TSA(x)
#endif
#define GUARDED_BY(mutex) MODELFS_TSA(guarded_by(mutex))
#define REQUIRES(...) MODELFS_TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) MODELFS_TSA(locks_excluded(__VA_ARGS__))

namespace modelfs {

class MODELFS_TSA(capability("mutex")) Mutex {
 public:
  void lock() MODELFS_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() MODELFS_TSA(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class MODELFS_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) MODELFS_TSA(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() MODELFS_TSA(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A condition variable for Mutex. wait() is called with the mutex held and returns with it held.
class Condition {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) { condition_.wait(mutex); }
  // False when `limit` passed without a notification.
  template <class Duration>
  bool wait_for(Mutex& mutex, Duration limit) REQUIRES(mutex) {
    return condition_.wait_for(mutex, limit) == std::cv_status::no_timeout;
  }
  void notify_all() { condition_.notify_all(); }
  void notify_one() { condition_.notify_one(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace modelfs
