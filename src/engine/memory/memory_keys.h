// Ordered keys in memory, with their past values as far back as an existing snapshot needs them.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "store/key_value_store.h"

namespace modelfs {

// Safe for concurrent use. Nothing is called while its lock is held.
class VersionedKeys {
 public:
  // Counts the commits.
  using Moment = std::uint64_t;
  static constexpr Moment kNow = ~Moment{0};

  // The present version, whose values are kept until it is passed to unpin().
  Moment pin();
  void unpin(Moment moment);

  std::optional<std::string> at(Moment moment, std::string_view key) const;
  // The first key at or after `from` that had a value at `moment`, and that value.
  std::optional<std::pair<std::string, std::string>> first_at(Moment moment, std::string_view from) const;

  // Conflict: an expectation does not hold; nothing changed.
  Status commit(const Batch& batch);

 private:
  struct Version {
    Moment since;
    std::optional<std::string> value;  // none: erased
  };
  using Versions = std::vector<Version>;  // oldest first

  static const std::optional<std::string>& value_at(const Versions& versions, Moment moment);
  bool holds(const Batch::Expectation& expectation) const REQUIRES(mutex_);
  void change(const std::string& key, std::optional<std::string> value) REQUIRES(mutex_);
  void erase_prefix(const std::string& prefix) REQUIRES(mutex_);

  mutable Mutex mutex_;  // leaf lock
  std::map<std::string, Versions, std::less<>> keys_ GUARDED_BY(mutex_);
  std::multiset<Moment> pins_ GUARDED_BY(mutex_);
  Moment present_ GUARDED_BY(mutex_) = 0;
};

class MemoryKeys final : public KeyValueStore {
 public:
  Result<std::shared_ptr<const KeyValueSnapshot>> snapshot() const override;
  Result<std::string> get(std::string_view key) const override;
  Status commit(const Batch& batch, Durability durability, SpaceNeed need) override;
  std::vector<std::string> verify() override { return {}; }  // nothing is kept

 private:
  // Shared with the snapshots, which may outlive the store.
  std::shared_ptr<VersionedKeys> keys_ = std::make_shared<VersionedKeys>();
};

}  // namespace modelfs
