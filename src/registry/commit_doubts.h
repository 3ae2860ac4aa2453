// Commits of which nobody knows yet whether they took place: the disk failed and could not be read again, or the bucket
// of a registry that many hosts share did not answer.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "base/mutex.h"
#include "base/names.h"
#include "base/status.h"
#include "registry/events.h"
#include "store/key_value_store.h"

namespace modelfs {

// Whether a commit that failed so may have taken place all the same.
inline bool is_undecided(Code code) { return code == Code::Uncertain || code == Code::Unsettled; }

// Remembers each until the store can be asked. Safe for concurrent use; what it is given outlives it.
class CommitDoubts {
 public:
  // `on_took_place` hears of each domain with a commit that took place after all. `resolve_later` has resolve() called
  // on another thread.
  CommitDoubts(KeyValueStore& keys, Events& events, std::function<void(const DomainName&)> on_took_place,
               std::function<void()> resolve_later)
      : keys_(keys),
        events_(events),
        on_took_place_(std::move(on_took_place)),
        resolve_later_(std::move(resolve_later)) {}
  CommitDoubts(const CommitDoubts&) = delete;
  CommitDoubts& operator=(const CommitDoubts&) = delete;

  // Ok: whatever was committed before can be seen. Asked before anything is looked for that may be removed if it is
  // not there.
  Status check_certain() const;
  // A commit was Uncertain: `when_known` gets whether it took place, on the thread that calls resolve(). An event tells
  // of both.
  void add(const DomainName& domain, const Batch& batch, const std::function<void(bool)>& when_known) EXCLUDES(mutex_);
  // Whoever has just read the store calls this: it may have come back.
  void ask_if_due();
  void resolve() EXCLUDES(mutex_);
  // From now on nobody hears of any; returns when nobody is told of one any more. Drafts stay frozen for those that are
  // left.
  void stop() EXCLUDES(mutex_);
  // Lets these drafts go.
  void forget() EXCLUDES(mutex_);

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  // How long the store is left alone after it could not say whether a commit took place.
  static constexpr std::int64_t kAskAgainNs = 1'000'000'000;
  struct Doubt {
    DomainName domain;
    Batch::Put telling;  // nobody else puts this
    std::function<void(bool)> when_known;
  };
  // False: the store cannot say yet.
  bool resolve_one(const Doubt& doubt);

  KeyValueStore& keys_;
  Events& events_;
  const std::function<void(const DomainName&)> on_took_place_;
  const std::function<void()> resolve_later_;
  Mutex mutex_;  // leaf lock
  std::vector<Doubt> doubts_ GUARDED_BY(mutex_);
  bool is_stopped_ GUARDED_BY(mutex_) = false;
  bool is_resolving_ GUARDED_BY(mutex_) = false;
  Condition resolved_;
  // Whoever reads the store at or after this moment (of now()) has the doubts resolved; never, where there are none.
  std::atomic<std::int64_t> ask_at_ = kNever;
};

}  // namespace modelfs
