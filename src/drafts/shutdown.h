// The end of the store's process, for what is under way in it.
#pragma once
#include <atomic>
#include <chrono>

#include "base/status.h"

namespace modelfs {

// Safe for concurrent use.
class Shutdown {
 public:
  // How long commits that are under way may go on after begin(). What is left of the 10 s within which a daemon ends is
  // for undoing them, and for closing the store.
  static constexpr std::chrono::seconds kPatience{7};

  // Hashes that nobody waits for and sweeps end at their next step from now on: what they have done is kept or done
  // again by the next process. Commits go on for `patience`. The first call counts.
  void begin(std::chrono::steady_clock::duration patience);
  bool has_begun() const { return begun_; }
  // Ok; or Busy, once that time is over: a commit that takes longer fails, and its draft stays.
  Status check_not_over() const;

 private:
  std::atomic<bool> begun_ = false;
  std::atomic<std::chrono::steady_clock::rep> over_at_{};  // valid when begun_ is set
};

}  // namespace modelfs
