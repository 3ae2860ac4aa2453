// What every engine's KeyValueStore must do with a Batch: store/key_value_store.h, sentence by sentence.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "store/key_value_store_fixture.h"

namespace modelfs {

template <class Fixture>
class KeyValueStoreContract : public KeyValueStoreTest<Fixture> {};
TYPED_TEST_SUITE_P(KeyValueStoreContract);

TYPED_TEST_P(KeyValueStoreContract, AnAbsentKeyIsNotFound) {
  EXPECT_EQ(this->store().get("absent").code(), Code::NotFound);
  EXPECT_EQ(this->snapshot()->get("absent").code(), Code::NotFound);
  EXPECT_EQ(this->store().get("").code(), Code::NotFound);
  EXPECT_EQ(this->entries(), "");
}

TYPED_TEST_P(KeyValueStoreContract, ACommittedValueIsThere) {
  Batch batch;
  batch.put("a", "1");
  batch.put("b", "2");

  ASSERT_TRUE(this->store().commit(batch, Durability::Durable).ok());

  EXPECT_EQ(this->value("a"), "1");
  EXPECT_EQ(this->snapshot()->get("b").ok(), true);
}

TYPED_TEST_P(KeyValueStoreContract, AnEmptyBatchIsOk) {
  EXPECT_TRUE(this->store().commit(Batch{}, Durability::Durable).ok());
  EXPECT_TRUE(this->store().commit(Batch{}, Durability::Buffered, SpaceNeed::Reclaims).ok());
}

TYPED_TEST_P(KeyValueStoreContract, KeysMayBeAnyBytes) {
  const std::string zeros(3, '\0');
  const std::string high = "\xff\xfe";
  const std::string with_zero("a\0b", 3);

  ASSERT_TRUE(this->put(zeros, "zeros").ok());
  ASSERT_TRUE(this->put(high, with_zero).ok());
  ASSERT_TRUE(this->put("", "empty").ok());

  EXPECT_EQ(this->entries(), "=empty " + zeros + "=zeros " + high + "=" + with_zero);
}

TYPED_TEST_P(KeyValueStoreContract, KeysMayHave64KiBAndNotAByteMore) {
  const std::string longest(64 << 10, '\xff');

  EXPECT_TRUE(this->put(longest, "1").ok());
  EXPECT_EQ(this->put(longest + "x", "1").code(), Code::TooLarge);

  EXPECT_EQ(this->value(longest), "1");
}

TYPED_TEST_P(KeyValueStoreContract, AnEmptyValueIsRefusedAndNothingChanges) {
  Batch batch;
  batch.put("a", "1");
  batch.put("b", "");

  EXPECT_EQ(this->store().commit(batch, Durability::Buffered).code(), Code::InvalidArgument);

  EXPECT_EQ(this->entries(), "");
}

TYPED_TEST_P(KeyValueStoreContract, TheLastPutOfAKeyWins) {
  Batch batch;
  batch.put("a", "1");
  batch.put("a", "2");

  ASSERT_TRUE(this->store().commit(batch, Durability::Buffered).ok());

  EXPECT_EQ(this->entries(), "a=2");
}

TYPED_TEST_P(KeyValueStoreContract, ErasingTakesKeysAway) {
  ASSERT_TRUE(this->put("a", "1").ok());
  ASSERT_TRUE(this->put("ab", "2").ok());
  Batch batch;
  batch.erase("a");
  batch.erase("never there");

  ASSERT_TRUE(this->store().commit(batch, Durability::Durable).ok());

  EXPECT_EQ(this->entries(), "ab=2");
}

TYPED_TEST_P(KeyValueStoreContract, PutsComeAfterTheErasesOfTheSameBatch) {
  ASSERT_TRUE(this->put("a", "old").ok());
  ASSERT_TRUE(this->put("p/1", "old").ok());
  Batch batch;
  batch.put("a", "new");
  batch.put("p/2", "new");
  batch.erase("a");
  batch.erase_prefix("p/");

  ASSERT_TRUE(this->store().commit(batch, Durability::Durable).ok());

  EXPECT_EQ(this->entries(), "a=new p/2=new");
}

TYPED_TEST_P(KeyValueStoreContract, ErasingAPrefixTakesItsKeysAndNoOthers) {
  for (const char* key : {"d", "d/", "d/a", "d/z\xff", "d0", "e"}) ASSERT_TRUE(this->put(key, "1").ok());
  Batch batch;
  batch.erase_prefix("d/");
  batch.erase_prefix("absent");

  ASSERT_TRUE(this->store().commit(batch, Durability::Durable).ok());

  EXPECT_EQ(this->entries(), "d=1 d0=1 e=1");
}

TYPED_TEST_P(KeyValueStoreContract, APrefixMayEndInTheHighestByte) {
  for (const char* key : {"a\xfe", "a\xff", "a\xff\xff", "b"}) ASSERT_TRUE(this->put(key, "1").ok());
  EXPECT_EQ(this->entries(*this->snapshot(), "a\xff"), "a\xff=1 a\xff\xff=1");
  Batch batch;
  batch.erase_prefix("a\xff");

  ASSERT_TRUE(this->store().commit(batch, Durability::Durable).ok());

  EXPECT_EQ(this->entries(), "a\xfe=1 b=1");
}

TYPED_TEST_P(KeyValueStoreContract, APrefixMayBeNothingButTheHighestByte) {
  const std::string longest(64 << 10, '\xff');
  for (const std::string& key : {std::string("\xfe\xff"), std::string("\xff"), std::string("\xff\xff z"), longest}) {
    ASSERT_TRUE(this->put(key, "1").ok());
  }
  EXPECT_EQ(this->entries(*this->snapshot(), "\xff"), "\xff=1 \xff\xff z=1 " + longest + "=1");
  Batch batch;
  batch.erase_prefix("\xff");

  ASSERT_TRUE(this->store().commit(batch, Durability::Durable).ok());

  EXPECT_EQ(this->entries(), "\xfe\xff=1");
}

TYPED_TEST_P(KeyValueStoreContract, AnEmptyPrefixIsRefused) {
  ASSERT_TRUE(this->put("a", "1").ok());
  Batch batch;
  batch.erase_prefix("");

  EXPECT_EQ(this->store().commit(batch, Durability::Durable).code(), Code::InvalidArgument);

  EXPECT_EQ(this->value("a"), "1");
}

TYPED_TEST_P(KeyValueStoreContract, AnErasedKeyMayComeBack) {
  ASSERT_TRUE(this->put("d/a", "1").ok());
  Batch batch;
  batch.erase_prefix("d/");
  ASSERT_TRUE(this->store().commit(batch, Durability::Durable).ok());

  ASSERT_TRUE(this->put("d/a", "2").ok());

  EXPECT_EQ(this->entries(), "d/a=2");
}

TYPED_TEST_P(KeyValueStoreContract, ACommitHappensWhenAllItsExpectationsHold) {
  ASSERT_TRUE(this->put("head", "1").ok());
  Batch batch;
  batch.expect("head", "1");
  batch.expect("absent", std::nullopt);
  batch.put("head", "2");

  ASSERT_TRUE(this->store().commit(batch, Durability::Durable).ok());

  EXPECT_EQ(this->value("head"), "2");
}

TYPED_TEST_P(KeyValueStoreContract, AConflictChangesNothing) {
  ASSERT_TRUE(this->put("head", "2").ok());
  ASSERT_TRUE(this->put("p/1", "1").ok());
  const std::vector<Batch::Expectation> failing = {{"head", "1"},          {"head", "22"},  {"head", ""},
                                                   {"head", std::nullopt}, {"absent", "1"}, {"absent", ""}};
  for (const Batch::Expectation& expectation : failing) {
    Batch batch;
    batch.expect("head", "2");  // holds, and does not help
    batch.expectations.push_back(expectation);
    batch.put("head", "3");
    batch.erase("p/1");
    batch.erase_prefix("p/");

    EXPECT_EQ(this->store().commit(batch, Durability::Durable).code(), Code::Conflict) << expectation.key;
  }
  EXPECT_EQ(this->entries(), "head=2 p/1=1");
}

TYPED_TEST_P(KeyValueStoreContract, ExpectationsAreOfTheMomentBeforeTheBatch) {
  ASSERT_TRUE(this->put("a", "1").ok());
  Batch batch;
  batch.erase("a");
  batch.expect("a", std::nullopt);

  EXPECT_EQ(this->store().commit(batch, Durability::Durable).code(), Code::Conflict);
}

TYPED_TEST_P(KeyValueStoreContract, AnErasedKeyIsExpectedAsAbsent) {
  ASSERT_TRUE(this->put("d/a", "1").ok());
  Batch erasing;
  erasing.erase_prefix("d/");
  ASSERT_TRUE(this->store().commit(erasing, Durability::Durable).ok());
  Batch batch;
  batch.expect("d/a", std::nullopt);
  batch.put("d/a", "2");

  EXPECT_TRUE(this->store().commit(batch, Durability::Durable).ok());
}

TYPED_TEST_P(KeyValueStoreContract, OfCommitsWithTheSameExpectationExactlyOneWins) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 5;
  for (int round = 0; round < kRounds; ++round) {
    const std::string key = "head" + std::to_string(round);
    std::atomic<int> won = 0;
    std::atomic<int> lost = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        Batch batch;
        batch.expect(key, std::nullopt);
        batch.put(key, std::to_string(i));
        const Status status = this->store().commit(batch, Durability::Durable);
        if (status.ok()) ++won;
        if (status.code() == Code::Conflict) ++lost;
      });
    }
    for (std::thread& thread : threads) thread.join();

    EXPECT_EQ(won, 1);
    EXPECT_EQ(lost, kThreads - 1);
  }
}

// Durable here and above: while one commit waits for the disk, others come between its check and its write if they can.
TYPED_TEST_P(KeyValueStoreContract, NoIncrementIsLostBetweenReadAndCommit) {
  constexpr int kThreads = 4;
  constexpr int kIncrements = 10;
  ASSERT_TRUE(this->put("counter", "0").ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int done = 0; done < kIncrements;) {
        const std::string before = this->value("counter");
        Batch batch;
        batch.expect("counter", before);
        batch.put("counter", std::to_string(std::stoi(before) + 1));
        const Status status = this->store().commit(batch, Durability::Durable);
        if (status.ok()) ++done;
        ASSERT_TRUE(status.ok() || status.code() == Code::Conflict) << status.str();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(this->value("counter"), std::to_string(kThreads * kIncrements));
}

REGISTER_TYPED_TEST_SUITE_P(KeyValueStoreContract, AnAbsentKeyIsNotFound, ACommittedValueIsThere, AnEmptyBatchIsOk,
                            KeysMayBeAnyBytes, KeysMayHave64KiBAndNotAByteMore, AnEmptyValueIsRefusedAndNothingChanges,
                            TheLastPutOfAKeyWins, ErasingTakesKeysAway, PutsComeAfterTheErasesOfTheSameBatch,
                            ErasingAPrefixTakesItsKeysAndNoOthers, APrefixMayEndInTheHighestByte,
                            APrefixMayBeNothingButTheHighestByte, AnEmptyPrefixIsRefused, AnErasedKeyMayComeBack,
                            ACommitHappensWhenAllItsExpectationsHold, AConflictChangesNothing,
                            ExpectationsAreOfTheMomentBeforeTheBatch, AnErasedKeyIsExpectedAsAbsent,
                            OfCommitsWithTheSameExpectationExactlyOneWins, NoIncrementIsLostBetweenReadAndCommit);

}  // namespace modelfs
