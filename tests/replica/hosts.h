// Hosts of one registry in one process: each a replica over keys in memory, all over one bucket in memory.
#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/names.h"
#include "engine/memory/memory_engine.h"
#include "engine/memory/memory_remote.h"
#include "replica/replica.h"

namespace modelfs {

// Keys that outlive who has them open, as those on a disk do.
class LastingKeys final : public KeyValueStore {
 public:
  explicit LastingKeys(std::shared_ptr<KeyValueStore> keys) : keys_(std::move(keys)) {}
  Result<std::shared_ptr<const KeyValueSnapshot>> snapshot() const override { return keys_->snapshot(); }
  Result<std::string> get(std::string_view key) const override { return keys_->get(key); }
  Status commit(const Batch& batch, Durability durability, SpaceNeed need) override {
    return keys_->commit(batch, durability, need);
  }
  std::vector<std::string> verify() override { return keys_->verify(); }

 private:
  const std::shared_ptr<KeyValueStore> keys_;
};

class ReplicaHost {
 public:
  static constexpr std::chrono::milliseconds kDeadline{500};

  ReplicaHost(std::shared_ptr<MemoryBucket> bucket, std::string name)
      : bucket_(std::move(bucket)), name_(std::move(name)), disk_(make_memory_engine().keys) {}

  Status open() {
    auto remote = std::make_unique<MemoryRemote>(bucket_);
    remote_ = remote.get();
    remote_->set_offline(starts_offline_);
    remote_->set_faults(starts_with_);
    ReplicaOptions options;
    options.store_id = name_;
    options.log.host = name_;
    options.log.publish_deadline = deadline_;
    options.log.request_deadline = std::chrono::milliseconds(100);
    options.log.poll = {std::chrono::milliseconds(20), std::chrono::milliseconds(20), std::chrono::milliseconds(20)};
    options.log.on_applied = on_applied_;
    options.slots_between_snapshots = slots_between_snapshots_;
    options.uncommitted_max = uncommitted_max_;
    options.start_patience = std::chrono::milliseconds(300);
    auto replica =
        Replica::open(std::move(remote), {std::make_unique<LastingKeys>(disk_), make_memory_engine().blobs}, options);
    if (!replica.ok()) return replica.status();
    replica_ = *std::move(replica);
    engine_ = replica_->take_engine();
    return {};
  }
  // What is on its disk stays.
  void kill() {
    engine_ = {};
    replica_.reset();
  }

  KeyValueStore& keys() { return *engine_.keys; }
  KeyValueStore& disk() { return *disk_; }
  std::shared_ptr<KeyValueStore> shared_disk() { return disk_; }
  void take_disk(std::shared_ptr<KeyValueStore> disk) { disk_ = std::move(disk); }
  MemoryRemote& remote() { return *remote_; }
  Replica& replica() { return *replica_; }
  CommitLog& log() { return replica_->log(); }
  const std::string& name() const { return name_; }

  std::string get(const std::string& key) {
    const auto value = keys().get(key);
    return value.ok() ? *value : "";
  }
  // Commits `value` under `key` where it has `before` (empty: it is absent).
  Status set(const std::string& key, const std::string& before, const std::string& value) {
    Batch batch;
    batch.expect(key, before.empty() ? std::nullopt : std::optional(before));
    batch.put(key, value);
    return keys().commit(batch, Durability::Durable, SpaceNeed::Grows);
  }
  // All keys that hosts share.
  std::map<std::string, std::string> shared() {
    std::map<std::string, std::string> found;
    const auto snapshot = *disk_->snapshot();
    for (const char first : std::string("drqgliTtovhpmjakfzWy")) {
      const Status scanned =
          snapshot->scan(std::string(1, first), "", [&](std::string_view key, std::string_view value) {
            found.emplace(key, value);
            return true;
          });
      EXPECT_TRUE(scanned.ok());
    }
    return found;
  }

  std::chrono::milliseconds deadline_ = kDeadline;
  bool starts_offline_ = false;
  std::chrono::seconds uncommitted_max_ = BlobUpload::kUncommittedMax;
  std::uint64_t slots_between_snapshots_ = kSlotsBetweenSnapshots;
  RemoteFaults starts_with_;
  std::function<void(const AppliedRecord&)> on_applied_;

 private:
  const std::shared_ptr<MemoryBucket> bucket_;
  const std::string name_;
  std::shared_ptr<KeyValueStore> disk_;
  MemoryRemote* remote_ = nullptr;
  std::unique_ptr<Replica> replica_;
  Engine engine_;  // goes first
};

// Waits for `is_true`, with a bound.
template <class Condition>
bool eventually(const Condition& is_true, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!is_true()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::yield();
  }
  return true;
}

class Hosts : public testing::Test {
 protected:
  void SetUp() override {
    MemoryRemote remote(bucket_);
    const auto made = init_registry(remote, std::chrono::steady_clock::now() + std::chrono::seconds(1));
    ASSERT_TRUE(made.ok()) << made.status().str();
  }
  std::unique_ptr<ReplicaHost> closed_host(const std::string& name) {
    return std::make_unique<ReplicaHost>(bucket_, name);
  }
  std::unique_ptr<ReplicaHost> host(const std::string& name) {
    auto made = closed_host(name);
    const Status status = made->open();
    EXPECT_TRUE(status.ok()) << status.str();
    return made;
  }
  static Status catch_up(ReplicaHost& host) { return host.log().catch_up(std::chrono::seconds(5)); }

  const std::shared_ptr<MemoryBucket> bucket_ = std::make_shared<MemoryBucket>();
};

}  // namespace modelfs
