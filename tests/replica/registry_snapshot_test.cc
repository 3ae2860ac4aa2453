// A new host begins where the newest snapshot ends.
#include "replica/registry_snapshot.h"

#include <gtest/gtest.h>

#include "replica/hosts.h"

namespace modelfs {
namespace {

constexpr std::chrono::seconds kPatience{5};

class Snapshots : public Hosts {
 protected:
  void SetUp() override {
    Hosts::SetUp();
    ann_ = closed_host("ann");
    ann_->slots_between_snapshots_ = 10;
    ASSERT_TRUE(ann_->open().ok());
  }
  void publish(int count) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(ann_->set("r/" + std::to_string(published_++), "", "1").ok());
  }
  std::vector<std::string> names_of(const std::string& prefix) const {
    std::vector<std::string> found;
    for (const std::string& name : bucket_->names()) {
      if (name.starts_with(prefix)) found.push_back(name);
    }
    return found;
  }
  bool has_snapshot() const { return !names_of("snap/").empty() && names_of("snap/").back().ends_with("/index"); }

  std::unique_ptr<ReplicaHost> ann_;
  int published_ = 0;
};

TEST_F(Snapshots, AreMadeByWhoeverPutsTheRecordBefore) {
  publish(8);  // and its registration: nine records
  EXPECT_TRUE(names_of("snap/").empty());
  publish(1);
  EXPECT_TRUE(eventually([&] { return has_snapshot(); }));
}

TEST_F(Snapshots, StandForTheRecordsBeforeThem) {
  publish(9);
  ASSERT_TRUE(eventually([&] { return has_snapshot(); }));
  publish(3);
  for (int slot = 1; slot <= 9; ++slot) bucket_->lose(log_object(slot));

  auto bob = host("bob");

  ASSERT_TRUE(catch_up(*ann_).ok());
  EXPECT_EQ(bob->shared(), ann_->shared());
}

TEST_F(Snapshots, ThatAreDamagedAreNotBelievedAndTheLogIsReadInstead) {
  publish(9);
  ASSERT_TRUE(eventually([&] { return has_snapshot(); }));
  const std::string part = names_of("snap/").front();
  std::string bytes = *bucket_->stored(part);
  bytes[bytes.size() / 2] ^= 1;
  bucket_->store(part, bytes);

  auto bob = host("bob");

  ASSERT_TRUE(catch_up(*ann_).ok());
  EXPECT_EQ(bob->shared(), ann_->shared());
}

TEST_F(Snapshots, ThatWereLoadedInPartAreLoadedAnew) {
  publish(9);
  ASSERT_TRUE(eventually([&] { return has_snapshot(); }));
  auto bob = closed_host("bob");
  Batch half;
  half.put("r/nowhere", "1");
  ASSERT_TRUE(bob->disk().commit(half, Durability::Durable).ok());

  ASSERT_TRUE(bob->open().ok());

  ASSERT_TRUE(catch_up(*ann_).ok());
  EXPECT_EQ(bob->shared(), ann_->shared());
}

TEST_F(Snapshots, OfManyKeysHaveManyParts) {
  const std::string value(1 << 20, 'v');
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(ann_->set("j/" + std::to_string(i), "", value).ok());
  ASSERT_TRUE(eventually([&] { return ann_->log().state().next_slot > 40 && has_snapshot(); }));
  const auto slot = write_snapshot(**ann_->disk().snapshot(), ann_->remote(), kPatience);
  ASSERT_TRUE(slot.ok()) << slot.status().str();

  const auto index = find_newest_snapshot(ann_->remote(), kPatience);

  ASSERT_TRUE(index.ok() && *index);
  EXPECT_EQ((*index)->next_slot, ann_->log().state().next_slot);
  EXPECT_GE((*index)->parts.size(), 3U);
  auto bob = host("bob");
  ASSERT_TRUE(catch_up(*ann_).ok());
  EXPECT_EQ(bob->shared(), ann_->shared());
}

TEST(SnapshotIndexes, WithAnyByteChangedOrMissingAreDamaged) {
  const SnapshotIndex index{"id", 7, hash_of(bytes_of("x")).digest, {{"snap/x", 3, hash_of(bytes_of("y")).digest}}};
  const std::string bytes = index.encode();
  ASSERT_TRUE(SnapshotIndex::decode(bytes).ok());
  EXPECT_EQ(SnapshotIndex::decode(bytes)->parts, index.parts);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(SnapshotIndex::decode(changed).code(), Code::Corrupt) << i;
    EXPECT_EQ(SnapshotIndex::decode(bytes.substr(0, i)).code(), Code::Corrupt) << i;
  }
}

}  // namespace
}  // namespace modelfs
