#include "base/thread_pool.h"

#include <pthread.h>

#include <system_error>

#include "base/log.h"

namespace modelfs {

ThreadPool::ThreadPool(const std::string& name, unsigned thread_count) {
  threads_.reserve(thread_count);
  for (unsigned i = 0; i < thread_count; ++i) {
    try {
      threads_.emplace_back([this] { run(); });
    } catch (const std::system_error& problem) {
      if (threads_.empty()) throw;
      // Fewer are slower, and enough.
      log::warn("{} threads of {} for '{}': {}", i, thread_count, name, problem.what());
      return;
    }
    pthread_setname_np(threads_.back().native_handle(), (name + "-" + std::to_string(i)).substr(0, 15).c_str());
  }
}

ThreadPool::~ThreadPool() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::submit(std::function<void()> work) {
  {
    const MutexLock lock(mutex_);
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void ThreadPool::run() {
  for (;;) {
    std::function<void()> work;
    {
      const MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) wake_.wait(mutex_);
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace modelfs
