// The keys of an engine, as the rooms above use them.
#pragma once
#include <memory>

#include "store/key_value_store.h"

namespace modelfs {

// Refuses, with Internal, what belongs to nobody (check_lives), before the engine sees it: a key that is neither shared
// nor the host's would be lost on every other host, and be noticed there first. Safe for concurrent use.
class CheckedKeys final : public KeyValueStore {
 public:
  explicit CheckedKeys(std::unique_ptr<KeyValueStore> below) : below_(std::move(below)) {}

  Result<std::shared_ptr<const KeyValueSnapshot>> snapshot() const override { return below_->snapshot(); }
  Result<std::string> get(std::string_view key) const override { return below_->get(key); }
  Status commit(const Batch& batch, Durability durability, SpaceNeed need) override;
  std::vector<std::string> verify() override { return below_->verify(); }

 private:
  const std::unique_ptr<KeyValueStore> below_;
};

}  // namespace modelfs
