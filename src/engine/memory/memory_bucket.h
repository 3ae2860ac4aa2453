// A bucket in memory that the hosts of one process share, and what a test may do to it behind their backs.
#pragma once
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "store/remote.h"

namespace modelfs {

// What a server makes of put_if_absent. All but the first are found by Remote::probe().
enum class BucketNature : std::uint8_t {
  Honest,
  IgnoresConditions,  // takes every put, and says so
  StoresTheLast,      // tells all but one that they lost, and stores the bytes of the last all the same
};

// Safe for concurrent use. Its clock stands still but for advance().
class MemoryBucket {
 public:
  struct Object {
    std::shared_ptr<const std::string> bytes;
    std::chrono::seconds put_at{0};
  };
  struct State {
    BucketNature nature = BucketNature::Honest;
    std::chrono::seconds clock{0};
    std::map<std::string, Object> objects;
  };
  // What one request does. Runs with the bucket's lock held, so it calls nothing.
  using Work = std::function<void(State&)>;

  explicit MemoryBucket(BucketNature nature = BucketNature::Honest) { state_.nature = nature; }

  void advance(std::chrono::seconds by);

  // Lets every request arrive that is under way, in the order in which they were sent.
  void deliver();
  // How many are: those that were held, and those that are to be applied later.
  std::size_t under_way() const;

  std::optional<std::string> stored(const std::string& name) const;
  std::vector<std::string> names() const;
  // Whatever was there: damage.
  void store(const std::string& name, std::string bytes);
  void lose(const std::string& name);

  // For MemoryRemote.
  void run(const Work& work);
  // `work` is under way until deliver().
  void send_later(Work work);
  // The same, and waits for it. False: `deadline` has passed, and it is still under way.
  bool send_and_wait(Work work, Deadline deadline);

 private:
  struct UnderWay {
    Work work;
    bool has_arrived = false;
  };
  mutable Mutex mutex_;  // leaf lock
  Condition arrived_;
  State state_ GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<UnderWay>> under_way_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
