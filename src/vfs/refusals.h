// Why something was refused, where its errno does not say: for user.modelfs.error, and for events.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/lru_cache.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/types.h"
#include "registry/access.h"
#include "registry/events.h"

namespace modelfs {

// The last reason by node and user. Safe for concurrent use.
class Refusals {
 public:
  // So many; then those go that were set or read longest ago.
  static constexpr std::size_t kMax = 1024;

  // `events` outlives it.
  explicit Refusals(Events& events) : events_(events) {}

  void remember(Ino where, uid_t user, std::string reason) EXCLUDES(mutex_);
  std::optional<std::string> find(Ino where, uid_t user) const EXCLUDES(mutex_);
  // Remembers it, says it in events, and gives `status` back. `what` was to be done.
  Status refuse(const Credentials& who, Ino where, const std::string& what, Status status) EXCLUDES(mutex_);

 private:
  using Key = std::pair<std::uint64_t, uid_t>;
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return std::hash<std::uint64_t>()(key.first ^ (std::uint64_t{key.second} << 32));
    }
  };

  Events& events_;
  mutable Mutex mutex_;  // leaf lock
  mutable LruCache<Key, std::string, KeyHash> reasons_ GUARDED_BY(mutex_){kMax};
};

}  // namespace modelfs
