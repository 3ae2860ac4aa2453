#include "engine/shared_dir/bounded_calls.h"

#include <pthread.h>

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

namespace modelfs {

BoundedCalls::BoundedCalls(unsigned thread_count) {
  for (unsigned i = 0; i < thread_count; ++i) {
    try {
      std::thread([state = state_] { serve(state); }).detach();
    } catch (const std::system_error&) {
      if (i == 0) throw;
      return;
    }
  }
}

BoundedCalls::~BoundedCalls() {
  const MutexLock lock(state_->mutex);
  state_->is_ending = true;
  state_->changed.notify_all();
}

// What was begun or submitted before the end is still done: somebody may wait for it.
void BoundedCalls::serve(const std::shared_ptr<State>& state) {
  (void)::pthread_setname_np(::pthread_self(), "shared-dir");
  while (true) {
    std::shared_ptr<Call> call;
    {
      const MutexLock lock(state->mutex);
      while (state->waiting.empty() && !state->is_ending) state->changed.wait(state->mutex);
      if (state->waiting.empty()) return;
      call = std::move(state->waiting.front());
      state->waiting.pop_front();
      call->has_begun = true;
    }
    call->work();
    // What it owns goes on this thread, too: to let go of it may be a call.
    call->work = nullptr;
    const MutexLock lock(state->mutex);
    call->is_done = true;
    state->changed.notify_all();
  }
}

std::shared_ptr<BoundedCalls::Call> BoundedCalls::submit(std::function<void()> work) {
  auto call = std::make_shared<Call>();
  call->work = std::move(work);
  const MutexLock lock(state_->mutex);
  state_->waiting.push_back(call);
  state_->changed.notify_all();
  return call;
}

void BoundedCalls::begin(std::function<void()> work) { (void)submit(std::move(work)); }

BoundedCalls::End BoundedCalls::run(std::function<void()> work, std::chrono::steady_clock::time_point deadline) {
  const auto call = submit(std::move(work));
  const MutexLock lock(state_->mutex);
  while (!call->is_done) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left > left.zero()) {
      (void)state_->changed.wait_for(state_->mutex, left);
      continue;
    }
    if (call->has_begun) return End::StillRuns;
    std::erase(state_->waiting, call);
    return End::NotBegun;
  }
  return End::Done;
}

}  // namespace modelfs
