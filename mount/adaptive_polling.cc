#include "mount/adaptive_polling.h"

#include <linux/fuse.h>
#include <sched.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace modelfs {
namespace {

constexpr std::size_t kQuickBytesMax = (64 << 10) + sizeof(fuse_write_in);

}  // namespace

RequestSketch sketch_of(const void* request, std::size_t size_bytes) {
  fuse_in_header header{};
  if (size_bytes < sizeof header) return {};
  std::memcpy(&header, request, sizeof header);
  std::size_t moved_bytes = size_bytes - sizeof header;
  if (fuse_read_in read{}; header.opcode == FUSE_READ && moved_bytes >= sizeof read) {
    std::memcpy(&read, static_cast<const char*>(request) + sizeof header, sizeof read);
    moved_bytes = read.size;
  }
  const bool is_awaited = header.opcode != FUSE_RELEASE && header.opcode != FUSE_RELEASEDIR &&
                          header.opcode != FUSE_FORGET && header.opcode != FUSE_BATCH_FORGET;
  return {
      .kind = header.opcode, .sender = header.pid, .is_quick = moved_bytes <= kQuickBytesMax, .is_awaited = is_awaited};
}

AdaptivePolling::AdaptivePolling(std::chrono::microseconds window, Hooks hooks)
    : window_(window), hooks_(std::move(hooks)) {}

bool AdaptivePolling::wait_for_turn(unsigned worker) {
  while (!has_ended_) {
    const unsigned poller = poller_;
    if (poller == kNobody) return false;
    if (poller != worker) {
      stay_away();
      continue;
    }
    if (look(worker)) return true;
    leave(worker);
  }
  return false;
}

bool AdaptivePolling::look(unsigned worker) {
  const auto begun = hooks_.clock();
  auto looked = begun;
  while (poller_ == worker) {
    if (hooks_.is_there()) {
      if (++found_ % kJudgedAtOnce == 0) judge(worker);
      return true;
    }
    const auto now = hooks_.clock();
    if (now - begun >= window_) return false;
    // Other processes compete for the processor: sleeping is faster than being scheduled again and again.
    if (now - looked > kGapMax) return false;
    looked = now;
    // The sender of the next request may have to run on this very processor.
    ::sched_yield();
  }
  return false;
}

void AdaptivePolling::judge(unsigned worker) {
  if (piled_.exchange(0) > kJudgedAtOnce / 2) return leave(worker);
  // Workers that were about to sleep in read(2) when polling began have missed the first signal.
  if (found_ == kJudgedAtOnce) hooks_.wake_sleepers();
}

void AdaptivePolling::took(unsigned worker, RequestSketch request) {
  if (window_ == window_.zero()) return;
  if (request.sender != 0 && sender_.exchange(request.sender) != request.sender) ++turns_;
  const unsigned poller = poller_;
  if (!request.is_quick) {
    streak_ = 0;
    if (poller == worker) leave(worker);
    return;
  }
  if (poller == worker && request.is_awaited && hooks_.is_there()) ++piled_;
  if (poller != kNobody || has_ended_) return;
  const unsigned streak = ++streak_;
  if (streak == 1) {
    streak_begun_ns_ = hooks_.clock().count();
    turns_ = 0;
  }
  const unsigned needed = streak_needed_;
  if (streak < needed) return;
  streak_ = 0;
  const std::chrono::nanoseconds taken = hooks_.clock() - std::chrono::nanoseconds(streak_begun_ns_);
  if (taken <= kGapMax * needed && turns_ <= needed / 4) begin(worker);
}

void AdaptivePolling::begin(unsigned worker) {
  unsigned expected = kNobody;
  if (!poller_.compare_exchange_strong(expected, worker)) return;
  found_ = piled_ = 0;
  hooks_.wake_sleepers();
}

// True: `poller` was the poller, and now there is none.
bool AdaptivePolling::stops(unsigned poller) {
  if (poller == kNobody || !poller_.compare_exchange_strong(poller, kNobody)) return false;
  streak_ = 0;
  streak_needed_ = found_ >= kWorthIt ? kStreakMin : std::min(streak_needed_ * 2, kStreakMax);
  return true;
}

void AdaptivePolling::leave(unsigned poller) {
  if (!stops(poller)) return;
  const MutexLock lock(mutex_);
  changed_.notify_all();
}

// While a worker polls. One of the others watches the poller.
void AdaptivePolling::stay_away() {
  const MutexLock lock(mutex_);
  bool watches = false;
  unsigned found_before = 0;
  while (poller_ != kNobody && !has_ended_) {
    if (!watches && !is_watched_) {
      watches = is_watched_ = true;
      found_before = found_;
    }
    if (!watches) {
      changed_.wait(mutex_);
      continue;
    }
    if (changed_.wait_for(mutex_, hooks_.stuck_after)) continue;
    const unsigned found = found_;
    if (found == found_before && stops(poller_)) changed_.notify_all();
    found_before = found;
  }
  if (watches) is_watched_ = false;
}

void AdaptivePolling::end() {
  has_ended_ = true;
  poller_ = kNobody;
  const MutexLock lock(mutex_);
  changed_.notify_all();
}

}  // namespace modelfs
