// Patience with a commit that is under way: what it does to a name or directory is known when it has ended.
#pragma once
#include <chrono>
#include <optional>
#include <thread>

namespace modelfs {

// Of one request, on its thread.
class CommitWait {
 public:
  // How long a request waits in all, and between two looks.
  static constexpr std::chrono::seconds kMax{7};
  static constexpr std::chrono::milliseconds kPause{5};

  // Waits for a moment, and is true; or false: the time is over.
  bool go_on() {
    const auto now = std::chrono::steady_clock::now();
    if (!until_) until_ = now + kMax;
    if (now >= *until_) return false;
    std::this_thread::sleep_for(kPause);
    return true;
  }

 private:
  // From the first wait on. Why not from the beginning: most requests meet no commit, and need not ask for the time.
  std::optional<std::chrono::steady_clock::time_point> until_;
};

}  // namespace modelfs
