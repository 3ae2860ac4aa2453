// Which blobs are in use: keeps gc away from what is being committed or read.
#pragma once
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/digest.h"
#include "base/mutex.h"

namespace modelfs {

// Safe for concurrent use. Outlives its pins.
class BlobPins {
 public:
  // Ends when destroyed.
  class Pin {
   public:
    Pin(BlobPins& pins, std::vector<Digest> digests) : pins_(pins), digests_(std::move(digests)) {}
    ~Pin() { pins_.end(digests_); }
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;

   private:
    BlobPins& pins_;
    std::vector<Digest> digests_;
  };

  // Waits while one of `digests` is being removed; afterwards none of them is removed until the pin ends.
  std::unique_ptr<Pin> take(std::vector<Digest> digests);

  // Begins to remember every digest that is pinned from now on, and those that are. A gc calls it before it looks at
  // what is referenced: what was pinned since may be referenced by a commit that it did not see.
  void watch();
  void end_watch();

  // Calls `remove` if no pin on `digest` has existed since watch(); a request for one meanwhile waits. False: pinned,
  // nothing done.
  template <class Remove>
  bool remove_unpinned(const Digest& digest, Remove remove) {
    if (!mark_deleting(digest)) return false;
    remove();
    unmark(digest);
    return true;
  }

 private:
  bool mark_deleting(const Digest& digest);
  void unmark(const Digest& digest);
  void end(const std::vector<Digest>& digests);
  bool is_any_deleting(const std::vector<Digest>& digests) const REQUIRES(mutex_);

  Mutex mutex_;  // leaf lock
  Condition unmarked_;
  std::unordered_map<Digest, std::size_t, DigestHash> counts_ GUARDED_BY(mutex_);
  std::unordered_set<Digest, DigestHash> deleting_ GUARDED_BY(mutex_);
  std::unordered_set<Digest, DigestHash> watched_ GUARDED_BY(mutex_);
  bool watching_ GUARDED_BY(mutex_) = false;
};

}  // namespace modelfs
