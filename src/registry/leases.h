// Who still needs a blob: keeps gc away from what is being committed or read.
#pragma once
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/digest.h"
#include "base/mutex.h"

namespace modelfs {

// Safe for concurrent use. Outlives its leases.
class Leases {
 public:
  // Ends when destroyed.
  class Lease {
   public:
    Lease(Leases& leases, std::vector<Digest> digests) : leases_(leases), digests_(std::move(digests)) {}
    ~Lease() { leases_.end(digests_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

   private:
    Leases& leases_;
    std::vector<Digest> digests_;
  };

  // Waits while one of `digests` is being removed; afterwards none of them is removed until the lease ends.
  std::unique_ptr<Lease> take(std::vector<Digest> digests);

  // Begins to remember every digest that is leased from now on, and those that are. A gc calls it before it looks at
  // what is referenced: what was leased since may be referenced by a commit that it did not see.
  void watch();
  void end_watch();

  // Calls `remove` if nobody has held a lease on `digest` since watch(); whoever asks for one meanwhile waits. False:
  // leased, nothing done.
  template <class Remove>
  bool remove_unleased(const Digest& digest, Remove remove) {
    if (!condemn(digest)) return false;
    remove();
    pardon(digest);
    return true;
  }

 private:
  bool condemn(const Digest& digest);
  void pardon(const Digest& digest);
  void end(const std::vector<Digest>& digests);
  bool is_any_condemned(const std::vector<Digest>& digests) const REQUIRES(mutex_);

  Mutex mutex_;  // leaf lock
  Condition pardoned_;
  std::unordered_map<Digest, std::size_t, DigestHash> counts_ GUARDED_BY(mutex_);
  std::unordered_set<Digest, DigestHash> condemned_ GUARDED_BY(mutex_);
  std::unordered_set<Digest, DigestHash> watched_ GUARDED_BY(mutex_);
  bool watching_ GUARDED_BY(mutex_) = false;
};

}  // namespace modelfs
