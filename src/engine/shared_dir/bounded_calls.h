// Calls that a file system may never answer, made on threads that are left behind where it does not.
#pragma once
#include <chrono>
#include <deque>
#include <functional>
#include <memory>

#include "base/mutex.h"

namespace modelfs {

// Safe for concurrent use. Why not a ThreadPool: that waits for all its work in the end, and a server that is away
// would hold up the end of the daemon. The process may end while a thread hangs.
class BoundedCalls {
 public:
  enum class End : std::uint8_t {
    Done,
    NotBegun,   // and it never will
    StillRuns,  // nobody waits for it any more
  };

  // As many threads as the machine allows; where it allows none, std::system_error.
  explicit BoundedCalls(unsigned thread_count);
  // Waits for nobody.
  ~BoundedCalls();
  BoundedCalls(const BoundedCalls&) = delete;
  BoundedCalls& operator=(const BoundedCalls&) = delete;

  // `work` owns all that it uses, and throws nothing.
  End run(std::function<void()> work, std::chrono::steady_clock::time_point deadline);
  // The same, and returns at once.
  void begin(std::function<void()> work);

 private:
  struct Call {
    std::function<void()> work;
    bool has_begun = false;
    bool is_done = false;
  };
  struct State {
    Mutex mutex;  // leaf lock
    Condition changed;
    std::deque<std::shared_ptr<Call>> waiting GUARDED_BY(mutex);
    bool is_ending GUARDED_BY(mutex) = false;
  };
  static void serve(const std::shared_ptr<State>& state);
  std::shared_ptr<Call> submit(std::function<void()> work);

  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace modelfs
