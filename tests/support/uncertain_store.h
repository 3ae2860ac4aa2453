// A store whose disk goes away in the middle of a commit.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/key_value_store.h"

namespace modelfs {

class UncertainStore final : public KeyValueStore {
 public:
  explicit UncertainStore(std::unique_ptr<KeyValueStore> below) : below_(std::move(below)) {}

  // The next durable commit is Uncertain. Whether it took place is known after come_back().
  void go_away_in_next(bool takes_place) { fate_ = takes_place; }
  void come_back() { is_away_ = false; }

  Result<std::shared_ptr<const KeyValueSnapshot>> snapshot() const override { return below_->snapshot(); }
  Result<std::string> get(std::string_view key) const override { return below_->get(key); }
  Status commit(const Batch& batch, Durability durability, SpaceNeed need) override {
    if (is_away_) return {Code::Uncertain, "the disk is away"};
    if (durability != Durability::Durable || !fate_) return below_->commit(batch, durability, need);
    is_away_ = true;
    if (*std::exchange(fate_, std::nullopt)) {
      if (Status status = below_->commit(batch, durability, need); !status.ok()) return status;
    }
    return {Code::Uncertain, "the disk went away"};
  }
  std::vector<std::string> verify() override { return below_->verify(); }

 private:
  std::unique_ptr<KeyValueStore> below_;
  std::optional<bool> fate_;  // set and used by one thread
  std::atomic<bool> is_away_ = false;
};

}  // namespace modelfs
