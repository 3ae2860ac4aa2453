// A sync that fails says nothing about the bytes: what became of the commit is seen after reopening, and each answer
// is true.
#include <future>
#include <thread>

#include "engine/rocksdb/database.h"
#include "rocksdb_store.h"
#include "support/failing_syncs.h"

namespace modelfs {
namespace {

constexpr int kAllSyncs = 1'000'000;

class RocksdbFailedSync : public RocksdbStore {
 protected:
  void SetUp() override {
    open();
    ASSERT_TRUE(put(keys(), "before", "1").ok());
  }
  void TearDown() override { failing_syncs = 0; }
};

TEST_F(RocksdbFailedSync, ACommitThatIsThereAllTheSameIsOk) {
  failing_syncs = 1;

  const Status status = put(keys(), "doubtful", "2");

  EXPECT_EQ(failing_syncs, 0);
  EXPECT_TRUE(status.ok()) << status.str();
  EXPECT_EQ(value_of(keys(), "doubtful"), "2");
  open();
  EXPECT_EQ(value_of(keys(), "doubtful"), "2");
  EXPECT_EQ(value_of(keys(), "before"), "1");
}

TEST_F(RocksdbFailedSync, WhatCannotBeReopenedIsUncertainAndThenOneOfTheTwoForEver) {
  failing_syncs = kAllSyncs;
  EXPECT_EQ(put(keys(), "doubtful", "2").code(), Code::Uncertain);
  EXPECT_FALSE(put(keys(), "later", "3").ok());
  failing_syncs = 0;

  EXPECT_TRUE(put(keys(), "after", "4").ok());

  const std::string became = value_of(keys(), "doubtful");
  EXPECT_TRUE(became == "2" || became == "not_found") << became;
  EXPECT_EQ(value_of(keys(), "before"), "1");
  open();
  EXPECT_EQ(value_of(keys(), "doubtful"), became);
  EXPECT_EQ(value_of(keys(), "after"), "4");
}

TEST_F(RocksdbFailedSync, AQuestionIsAnsweredOnlyOfWhatIsCertain) {
  failing_syncs = kAllSyncs;
  EXPECT_EQ(put(keys(), "doubtful", "2").code(), Code::Uncertain);
  Batch asks;
  asks.expect("before", "1");
  EXPECT_FALSE(keys().commit(asks, Durability::Buffered).ok());
  failing_syncs = 0;

  EXPECT_TRUE(keys().commit(asks, Durability::Buffered).ok());
}

TEST_F(RocksdbFailedSync, OfCommitsThatMeetEachAnswerIsTrue) {
  constexpr int kThreads = 6;
  constexpr int kCommits = 40;
  std::atomic<int> acknowledged = 0;
  std::atomic<int> uncertain = 0;  // the fault met the reopening of another
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kCommits; ++n) {
        const auto now = keys().get("counter");
        Batch batch;
        batch.expect("counter", now.ok() ? std::optional(*now) : std::nullopt);
        batch.put("counter", std::to_string((now.ok() ? std::stoi(*now) : 0) + 1));
        if (n % 10 == 5) failing_syncs = 1;
        const Status status = keys().commit(batch, Durability::Durable);
        acknowledged += status.ok() ? 1 : 0;
        uncertain += status.code() == Code::Uncertain ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  failing_syncs = 0;
  open();
  const int counted = std::stoi(value_of(keys(), "counter"));
  EXPECT_GE(counted, acknowledged);
  EXPECT_LE(counted, acknowledged + uncertain);
}

TEST_F(RocksdbFailedSync, TheSnapshotsOfOthersAreWaitedFor) {
  auto held = keys().snapshot();
  ASSERT_TRUE(held.ok());
  failing_syncs = 1;
  auto committed = std::async(std::launch::async, [this] { return put(keys(), "after", "2"); });

  EXPECT_TRUE((*held)->get("before").ok());
  *held = nullptr;

  EXPECT_TRUE(committed.get().ok());
}

TEST_F(RocksdbFailedSync, ASnapshotThatDoesNotEndCostsItsReaderAndNobodyElse) {
  const auto held = keys().snapshot();
  ASSERT_TRUE(held.ok());
  failing_syncs = 1;
  const auto begin = std::chrono::steady_clock::now();

  EXPECT_TRUE(put(keys(), "after", "2").ok());

  EXPECT_GE(std::chrono::steady_clock::now() - begin, Database::kDrainMax);
  EXPECT_TRUE((*held)->failure().ok()) << "it has not read since";
  EXPECT_EQ((*held)->get("before").code(), Code::IoError);
  EXPECT_EQ((*held)->scan("", "", [](auto, auto) { return true; }).code(), Code::IoError);
  EXPECT_EQ((*held)->failure().code(), Code::IoError);
  EXPECT_EQ(value_of(keys(), "before"), "1");
}

TEST_F(RocksdbFailedSync, AScanWhoseVisitorCommitsDoesNotWaitForItself) {
  const auto held = keys().snapshot();
  ASSERT_TRUE(held.ok());
  failing_syncs = 1;
  Status committed;

  const Status scanned = (*held)->scan("", "", [&](std::string_view, std::string_view) {
    committed = put(keys(), "after", "2");
    return true;
  });

  EXPECT_TRUE(committed.ok()) << committed.str();
  EXPECT_TRUE(scanned.ok() || scanned.code() == Code::IoError) << scanned.str();
}

TEST_F(RocksdbFailedSync, HealsWhileManyReadAndWriteWithoutAPause) {
  std::atomic<bool> ends = false;
  std::atomic<int> wrote = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      while (!ends) {
        const auto mine = keys().snapshot();  // lives through the commit, as it should not
        wrote += put(keys(), "key" + std::to_string(i), "1").ok() ? 1 : 0;
        if (mine.ok()) (void)(*mine)->get("before");
      }
    });
  }
  while (wrote < 100) std::this_thread::yield();
  failing_syncs = 1;
  while (failing_syncs > 0) std::this_thread::yield();

  const int before = wrote;
  const auto limit = std::chrono::steady_clock::now() + 5 * Database::kDrainMax;
  while (wrote < before + 100 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();

  EXPECT_GE(wrote, before + 100);
  ends = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace modelfs
