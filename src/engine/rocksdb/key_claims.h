// Which commits must not run at the same time.
#pragma once
#include <list>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "store/key_value_store.h"

namespace modelfs {

// Between the check of a commit's expectations and its write no other commit may change what it expects. Commits that
// do not overlap in this way run concurrently, so that no domain waits for the fsync of another.
// Why no striped mutexes: two domains whose head keys share a stripe would wait for each other, and a commit that
// changes an expected key without expecting it would have to lock a stripe for every key it changes.
// Safe for concurrent use.
class KeyClaims {
  struct Wants {
    std::vector<std::string_view> expected;
    std::unordered_set<std::string_view> changed;
    std::vector<std::string_view> changed_prefixes;

    explicit Wants(const Batch& batch);
    bool changes(std::string_view key) const;
    bool meets(const Wants& other) const;
  };

 public:
  // Released when destroyed.
  class Claim {
   public:
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

   private:
    friend class KeyClaims;
    Claim(KeyClaims& claims, std::list<Wants>::iterator place) : claims_(claims), place_(place) {}
    KeyClaims& claims_;
    const std::list<Wants>::iterator place_;
  };

  // Waits until no earlier claim overlaps this one. Take one before, never while, holding anything another claimant may
  // wait for. `batch` must outlive the claim.
  [[nodiscard]] Claim take(const Batch& batch);

 private:
  bool must_wait(std::list<Wants>::const_iterator place) const REQUIRES(mutex_);

  Mutex mutex_;  // leaf lock
  Condition given_back_;
  std::list<Wants> queue_ GUARDED_BY(mutex_);  // in order of arrival, so there is neither starvation nor deadlock
};

}  // namespace modelfs
