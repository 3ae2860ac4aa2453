#include "catalog/commit_parts.h"

#include <gtest/gtest.h>

#include "catalog/checked_keys.h"
#include "catalog/keys.h"
#include "engine/memory/memory_engine.h"

namespace modelfs {
namespace {

const DomainName kChurn = *DomainName::parse("churn");

TEST(CommitParts, HoldEachKindOfChangeInItsOrder) {
  Batch batch;
  batch.expect(keys::domain(kChurn), "1");
  batch.expect(keys::draft_inode(Ino{64}), std::nullopt);
  batch.erase(keys::draft_entry(Ino{64}, "x"));
  batch.erase(keys::label(kChurn, "prod"));
  batch.erase_prefix(keys::attributes(Ino{64}));
  batch.erase_prefix(keys::in_domain(keys::Kind::History, kChurn));
  batch.put(keys::release(kChurn, "1"), "r");
  batch.put(keys::sweep(Ino{64}), "1");
  batch.put(keys::domain(kChurn), "2");

  const auto parts = split(batch);

  ASSERT_TRUE(parts.ok()) << parts.status().str();
  ASSERT_EQ(parts->shared.expectations.size(), 1u);
  EXPECT_EQ(parts->shared.expectations[0].value, "1");
  EXPECT_EQ(parts->shared.erases, std::vector<std::string>{keys::label(kChurn, "prod")});
  EXPECT_EQ(parts->shared.erase_prefixes, std::vector<std::string>{keys::in_domain(keys::Kind::History, kChurn)});
  ASSERT_EQ(parts->shared.puts.size(), 2u);
  EXPECT_EQ(parts->shared.puts[0].key, keys::release(kChurn, "1"));
  EXPECT_EQ(parts->shared.puts[1].value, "2");
  ASSERT_EQ(parts->host.expectations.size(), 1u);
  EXPECT_EQ(parts->host.expectations[0].value, std::nullopt);
  EXPECT_EQ(parts->host.erases, std::vector<std::string>{keys::draft_entry(Ino{64}, "x")});
  EXPECT_EQ(parts->host.erase_prefixes, std::vector<std::string>{keys::attributes(Ino{64})});
  ASSERT_EQ(parts->host.puts.size(), 1u);
  EXPECT_EQ(parts->host.puts[0].key, keys::sweep(Ino{64}));
}

TEST(CommitParts, OfNothingAreNothing) {
  const auto parts = split(Batch());

  ASSERT_TRUE(parts.ok());
  EXPECT_TRUE(parts->shared.puts.empty() && parts->host.puts.empty());
}

// One batch for each place in which a key that belongs to nobody could hide.
class BelongingToNobody : public testing::TestWithParam<void (*)(Batch&)> {};

TEST_P(BelongingToNobody, IsRefusedBeforeTheEngineSeesIt) {
  Batch batch;
  batch.put(keys::domain(kChurn), "1");
  GetParam()(batch);
  CheckedKeys checked(std::move(make_memory_engine().keys));

  const Status status = checked.commit(batch, Durability::Buffered, SpaceNeed::Grows);

  EXPECT_EQ(status.code(), Code::Internal);
  EXPECT_EQ(split(batch).code(), Code::Internal);
  EXPECT_EQ(checked.get(keys::domain(kChurn)).code(), Code::NotFound);
}

INSTANTIATE_TEST_SUITE_P(, BelongingToNobody,
                         testing::Values([](Batch& batch) { batch.put("Z/x", "1"); },
                                         [](Batch& batch) { batch.erase("Z/x"); },
                                         [](Batch& batch) { batch.expect("Z/x", std::nullopt); },
                                         [](Batch& batch) { batch.erase_prefix("Z/"); },
                                         [](Batch& batch) { batch.erase_prefix(""); },
                                         [](Batch& batch) { batch.put("", "1"); }));

TEST(CheckedKeys, CommitWhatBelongsToBothInOneBatch) {
  CheckedKeys checked(std::move(make_memory_engine().keys));
  Batch batch;
  batch.put(keys::domain(kChurn), "1");
  batch.put(keys::sweep(Ino{64}), "1");

  ASSERT_TRUE(checked.commit(batch, Durability::Durable, SpaceNeed::Grows).ok());

  EXPECT_EQ(*checked.get(keys::domain(kChurn)), "1");
  EXPECT_EQ(*checked.get(keys::sweep(Ino{64})), "1");
}

}  // namespace
}  // namespace modelfs
