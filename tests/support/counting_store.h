// A store that tells a test what it is asked for.
#pragma once
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "store/key_value_store.h"

namespace modelfs {

// Called from every thread that reads.
struct ReadObserver {
  std::function<void(std::string_view key)> on_get = [](std::string_view) {};
  std::function<void()> on_scan = [] {};
};

class CountingSnapshot final : public KeyValueSnapshot {
 public:
  CountingSnapshot(std::shared_ptr<const KeyValueSnapshot> below, const ReadObserver& observer)
      : below_(std::move(below)), observer_(observer) {}
  Result<std::string> get(std::string_view key) const override {
    observer_.on_get(key);
    return below_->get(key);
  }
  Status scan(std::string_view prefix, std::string_view from,
              const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    observer_.on_scan();
    return below_->scan(prefix, from, visit);
  }
  Status failure() const override { return below_->failure(); }

 private:
  std::shared_ptr<const KeyValueSnapshot> below_;
  const ReadObserver& observer_;
};

// `observer` stays as long as this and its snapshots.
class CountingStore final : public KeyValueStore {
 public:
  CountingStore(std::unique_ptr<KeyValueStore> below, const ReadObserver& observer)
      : below_(std::move(below)), observer_(observer) {}
  Result<std::shared_ptr<const KeyValueSnapshot>> snapshot() const override {
    auto below = below_->snapshot();
    if (!below.ok()) return below;
    return std::shared_ptr<const KeyValueSnapshot>(std::make_shared<CountingSnapshot>(*std::move(below), observer_));
  }
  Result<std::string> get(std::string_view key) const override {
    observer_.on_get(key);
    return below_->get(key);
  }
  Status commit(const Batch& batch, Durability durability, SpaceNeed need) override {
    return below_->commit(batch, durability, need);
  }
  std::vector<std::string> verify() override { return below_->verify(); }

 private:
  std::unique_ptr<KeyValueStore> below_;
  const ReadObserver& observer_;
};

}  // namespace modelfs
