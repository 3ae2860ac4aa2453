#include "base/thread_pool.h"

#include <pthread.h>

#include <system_error>

#include "base/log.h"

namespace modelfs {

ThreadPool::ThreadPool(const std::string& name, unsigned thread_count, unsigned per_owner_max)
    : per_owner_max_(per_owner_max == 0 ? thread_count : per_owner_max) {
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

void ThreadPool::submit(std::function<void()> work, Owner owner) {
  const MutexLock lock(mutex_);
  Line& line = lines_[owner];
  line.waiting.push_back(std::move(work));
  ++waiting_count_;
  give_turn(owner, line);
}

void ThreadPool::give_turn(Owner owner, Line& line) {
  if (line.has_turn || line.waiting.empty() || line.running >= per_owner_max_) return;
  line.has_turn = true;
  turns_.push_back(owner);
  wake_.notify_one();
}

void ThreadPool::run() {
  for (;;) {
    std::function<void()> work;
    Owner owner = 0;
    {
      const MutexLock lock(mutex_);
      while (turns_.empty() && !(stopping_ && waiting_count_ == 0)) wake_.wait(mutex_);
      if (turns_.empty()) return;
      owner = turns_.front();
      turns_.pop_front();
      Line& line = lines_[owner];
      line.has_turn = false;
      work = std::move(line.waiting.front());
      line.waiting.pop_front();
      --waiting_count_;
      ++line.running;
      give_turn(owner, line);
      if (stopping_ && waiting_count_ == 0) wake_.notify_all();
    }
    work();
    work = nullptr;  // what it owns goes before its owner's next turn
    const MutexLock lock(mutex_);
    const auto line = lines_.find(owner);
    --line->second.running;
    give_turn(owner, line->second);
    if (line->second.running == 0 && line->second.waiting.empty()) lines_.erase(line);
  }
}

}  // namespace modelfs
