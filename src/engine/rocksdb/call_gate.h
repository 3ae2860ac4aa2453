// Lets calls through until the thing they call is to be closed.
#pragma once
#include <atomic>
#include <cstdint>

namespace modelfs {

// Why not a shared mutex: each read of the catalog passes here, and closing must not wait for readers that arrive
// later. Safe for concurrent use.
class CallGate {
 public:
  // False: closed. Else leave() must follow.
  bool enter() {
    if ((state_.fetch_add(kOneCall) & kClosed) == 0) return true;
    leave();
    return false;
  }
  void leave() {
    if (state_.fetch_sub(kOneCall) == (kClosed | kOneCall)) state_.notify_all();
  }
  // Admits no thread any more, and returns when the last one has left. Called once, and never from inside.
  void close() {
    for (std::uint64_t now = state_.fetch_or(kClosed) | kClosed; now != kClosed; now = state_.load()) state_.wait(now);
  }

 private:
  static constexpr std::uint64_t kClosed = 1;
  static constexpr std::uint64_t kOneCall = 2;
  std::atomic<std::uint64_t> state_ = 0;
};

}  // namespace modelfs
