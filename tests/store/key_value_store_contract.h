// What every engine's KeyValueStore must do: store/key_value_store.h, sentence by sentence.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "store/engine.h"

namespace modelfs {

using Entries = std::vector<std::pair<std::string, std::string>>;

// Fixture must offer: Engine engine, empty.
template <class Fixture>
class KeyValueStoreContract : public testing::Test {
 protected:
  KeyValueStore& store() { return *fixture_.engine.keys; }

  Status put(const std::string& key, const std::string& value) {
    Batch batch;
    batch.put(key, value);
    return store().commit(batch, Durability::Buffered);
  }

  // The value now, or the name of the Code.
  std::string value(const std::string& key) { return text(store().get(key)); }

  static std::string text(const Result<std::string>& got) { return got.ok() ? *got : std::string(code_name(got.code())); }

  std::shared_ptr<const KeyValueSnapshot> snapshot() {
    auto snapshot = store().snapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status().str();
    return *snapshot;
  }

  static Entries entries(const KeyValueSnapshot& snapshot, std::string_view prefix = {}, std::string_view from = {}) {
    Entries found;
    const Status status = snapshot.scan(prefix, from, [&found](std::string_view key, std::string_view value) {
      found.emplace_back(key, value);
      return true;
    });
    EXPECT_TRUE(status.ok()) << status.str();
    return found;
  }
  Entries entries() { return entries(*snapshot()); }

 private:
  Fixture fixture_;
};
TYPED_TEST_SUITE_P(KeyValueStoreContract);

TYPED_TEST_P(KeyValueStoreContract, AnAbsentKeyIsNotFound) {
  EXPECT_EQ(this->store().get("absent").code(), Code::NotFound);
  EXPECT_EQ(this->snapshot()->get("absent").code(), Code::NotFound);
  EXPECT_EQ(this->store().get("").code(), Code::NotFound);
  EXPECT_EQ(this->entries(), Entries{});
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

  ASSERT_TRUE(this->put(zeros, "zeros").ok());
  ASSERT_TRUE(this->put(high, std::string("a\0b", 3)).ok());
  ASSERT_TRUE(this->put("", "empty").ok());

  EXPECT_EQ(this->entries(), (Entries{{"", "empty"}, {zeros, "zeros"}, {high, std::string("a\0b", 3)}}));
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

  EXPECT_EQ(this->entries(), Entries{});
}

TYPED_TEST_P(KeyValueStoreContract, TheLastPutOfAKeyWins) {
  Batch batch;
  batch.put("a", "1");
  batch.put("a", "2");

  ASSERT_TRUE(this->store().commit(batch, Durability::Buffered).ok());

  EXPECT_EQ(this->entries(), (Entries{{"a", "2"}}));
}

TYPED_TEST_P(KeyValueStoreContract, ErasingTakesKeysAway) {
  ASSERT_TRUE(this->put("a", "1").ok());
  ASSERT_TRUE(this->put("ab", "2").ok());
  Batch batch;
  batch.erase("a");
  batch.erase("never there");

  ASSERT_TRUE(this->store().commit(batch, Durability::Durable).ok());

  EXPECT_EQ(this->entries(), (Entries{{"ab", "2"}}));
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

  EXPECT_EQ(this->entries(), (Entries{{"a", "new"}, {"p/2", "new"}}));
}

TYPED_TEST_P(KeyValueStoreContract, ErasingAPrefixTakesItsKeysAndNoOthers) {
  for (const char* key : {"d", "d/", "d/a", "d/z\xff", "d0", "e"}) ASSERT_TRUE(this->put(key, "1").ok());
  Batch batch;
  batch.erase_prefix("d/");
  batch.erase_prefix("absent");

  ASSERT_TRUE(this->store().commit(batch, Durability::Durable).ok());

  EXPECT_EQ(this->entries(), (Entries{{"d", "1"}, {"d0", "1"}, {"e", "1"}}));
}

TYPED_TEST_P(KeyValueStoreContract, APrefixMayEndInTheHighestByte) {
  for (const char* key : {"a\xfe", "a\xff", "a\xff\xff", "b"}) ASSERT_TRUE(this->put(key, "1").ok());
  EXPECT_EQ(this->entries(*this->snapshot(), "a\xff"), (Entries{{"a\xff", "1"}, {"a\xff\xff", "1"}}));
  Batch batch;
  batch.erase_prefix("a\xff");

  ASSERT_TRUE(this->store().commit(batch, Durability::Durable).ok());

  EXPECT_EQ(this->entries(), (Entries{{"a\xfe", "1"}, {"b", "1"}}));
}

TYPED_TEST_P(KeyValueStoreContract, APrefixMayBeNothingButTheHighestByte) {
  const std::string longest(64 << 10, '\xff');
  for (const std::string& key : {std::string("\xfe\xff"), std::string("\xff"), std::string("\xff\xff z"), longest}) {
    ASSERT_TRUE(this->put(key, "1").ok());
  }
  EXPECT_EQ(this->entries(*this->snapshot(), "\xff").size(), 3u);
  Batch batch;
  batch.erase_prefix("\xff");

  ASSERT_TRUE(this->store().commit(batch, Durability::Durable).ok());

  EXPECT_EQ(this->entries(), (Entries{{"\xfe\xff", "1"}}));
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

  EXPECT_EQ(this->entries(), (Entries{{"d/a", "2"}}));
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
  const std::vector<Batch::Expectation> failing = {{"head", "1"},       {"head", "22"},   {"head", ""},
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
  EXPECT_EQ(this->entries(), (Entries{{"head", "2"}, {"p/1", "1"}}));
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

TYPED_TEST_P(KeyValueStoreContract, ASnapshotDoesNotSeeLaterCommits) {
  ASSERT_TRUE(this->put("changed", "1").ok());
  ASSERT_TRUE(this->put("erased", "1").ok());
  ASSERT_TRUE(this->put("p/erased", "1").ok());
  const auto before = this->snapshot();

  Batch batch;
  batch.put("changed", "2");
  batch.put("new", "2");
  batch.erase("erased");
  batch.erase_prefix("p/");
  ASSERT_TRUE(this->store().commit(batch, Durability::Durable).ok());
  ASSERT_TRUE(this->put("changed", "3").ok());

  EXPECT_EQ(this->text(before->get("changed")), "1");
  EXPECT_EQ(this->text(before->get("p/erased")), "1");
  EXPECT_EQ(before->get("new").code(), Code::NotFound);
  EXPECT_EQ(this->entries(*before), (Entries{{"changed", "1"}, {"erased", "1"}, {"p/erased", "1"}}));
  EXPECT_EQ(this->entries(), (Entries{{"changed", "3"}, {"new", "2"}}));
}

TYPED_TEST_P(KeyValueStoreContract, EachSnapshotKeepsItsOwnMoment) {
  std::vector<std::shared_ptr<const KeyValueSnapshot>> moments;
  for (const char* value : {"0", "1", "2", "3"}) {
    ASSERT_TRUE(this->put("a", value).ok());
    moments.push_back(this->snapshot());
  }
  moments.erase(moments.begin() + 1);  // one that ends early takes nothing from its neighbours
  ASSERT_TRUE(this->put("a", "4").ok());

  EXPECT_EQ(this->text(moments[0]->get("a")), "0");
  EXPECT_EQ(this->text(moments[1]->get("a")), "2");
  EXPECT_EQ(this->text(moments[2]->get("a")), "3");
}

TYPED_TEST_P(KeyValueStoreContract, AScanGoesInByteOrder) {
  for (const char* key : {"b", "a\x01", "a", "\xc3\xa4", "B", "ab"}) ASSERT_TRUE(this->put(key, "1").ok());

  EXPECT_EQ(this->entries(), (Entries{{"B", "1"}, {"a", "1"}, {"a\x01", "1"}, {"ab", "1"}, {"b", "1"}, {"\xc3\xa4", "1"}}));
}

TYPED_TEST_P(KeyValueStoreContract, AScanOfAPrefixStaysBelowIt) {
  for (const char* key : {"r", "r/a", "r/b", "r0", "s"}) ASSERT_TRUE(this->put(key, "1").ok());
  const auto snapshot = this->snapshot();

  EXPECT_EQ(this->entries(*snapshot, "r/"), (Entries{{"r/a", "1"}, {"r/b", "1"}}));
  EXPECT_EQ(this->entries(*snapshot, "r/a"), (Entries{{"r/a", "1"}}));
  EXPECT_EQ(this->entries(*snapshot, "t"), Entries{});
}

TYPED_TEST_P(KeyValueStoreContract, AScanStartsAtItsFirstKeyNotBefore) {
  for (const char* key : {"q/z", "r/a", "r/b", "r/c", "s/a"}) ASSERT_TRUE(this->put(key, "1").ok());
  const auto snapshot = this->snapshot();

  EXPECT_EQ(this->entries(*snapshot, "r/", "r/b"), (Entries{{"r/b", "1"}, {"r/c", "1"}}));
  EXPECT_EQ(this->entries(*snapshot, "r/", std::string_view("r/b\0", 4)), (Entries{{"r/c", "1"}}));
  EXPECT_EQ(this->entries(*snapshot, "r/", "q"), (Entries{{"r/a", "1"}, {"r/b", "1"}, {"r/c", "1"}}));
  EXPECT_EQ(this->entries(*snapshot, "r/", "s"), Entries{});
  EXPECT_EQ(this->entries(*snapshot, "", "r/c"), (Entries{{"r/c", "1"}, {"s/a", "1"}}));
}

TYPED_TEST_P(KeyValueStoreContract, AScanEndsWhenItsVisitorHasEnough) {
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(this->put(key, "1").ok());
  std::string seen;

  const Status status = this->snapshot()->scan("", "", [&seen](std::string_view key, std::string_view) {
    seen += key;
    return key != "b";
  });

  EXPECT_TRUE(status.ok());
  EXPECT_EQ(seen, "ab");
}

TYPED_TEST_P(KeyValueStoreContract, AVisitorMayUseTheStore) {
  for (const char* key : {"a", "b"}) ASSERT_TRUE(this->put(key, "1").ok());
  int visits = 0;

  const Status status = this->snapshot()->scan("", "", [&](std::string_view key, std::string_view) {
    ++visits;
    return this->value(std::string(key)) == "1" && this->put(std::string(key) + "2", "2").ok();
  });

  EXPECT_TRUE(status.ok());
  EXPECT_EQ(visits, 2);
  EXPECT_EQ(this->entries().size(), 4u);
}

TYPED_TEST_P(KeyValueStoreContract, OfCommitsWithTheSameExpectationExactlyOneWins) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 20;
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
        const Status status = this->store().commit(batch, Durability::Buffered);
        if (status.ok()) ++won;
        if (status.code() == Code::Conflict) ++lost;
      });
    }
    for (std::thread& thread : threads) thread.join();

    EXPECT_EQ(won, 1);
    EXPECT_EQ(lost, kThreads - 1);
  }
}

TYPED_TEST_P(KeyValueStoreContract, NoIncrementIsLostBetweenReadAndCommit) {
  constexpr int kThreads = 4;
  constexpr int kIncrements = 50;
  ASSERT_TRUE(this->put("counter", "0").ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int done = 0; done < kIncrements;) {
        const std::string before = this->value("counter");
        Batch batch;
        batch.expect("counter", before);
        batch.put("counter", std::to_string(std::stoi(before) + 1));
        const Status status = this->store().commit(batch, Durability::Buffered);
        if (status.ok()) ++done;
        ASSERT_TRUE(status.ok() || status.code() == Code::Conflict) << status.str();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(this->value("counter"), std::to_string(kThreads * kIncrements));
}

TYPED_TEST_P(KeyValueStoreContract, NoReaderSeesHalfABatch) {
  constexpr int kCommits = 300;
  std::atomic<bool> finished = false;
  std::thread writer([&] {
    for (int i = 0; i < kCommits; ++i) {
      Batch batch;
      batch.erase_prefix("p/");
      batch.put("p/" + std::to_string(i), std::to_string(i));
      batch.put("q", std::to_string(i));
      EXPECT_TRUE(this->store().commit(batch, Durability::Buffered).ok());
    }
    finished = true;
  });
  while (!finished) {
    const auto seen = this->entries(*this->snapshot());
    if (seen.empty()) continue;
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].second, seen[1].second);
  }
  writer.join();
}

TYPED_TEST_P(KeyValueStoreContract, ASnapshotMayOutliveItsStore) {
  auto fixture = std::make_unique<TypeParam>();
  Batch batch;
  batch.put("a", "1");
  ASSERT_TRUE(fixture->engine.keys->commit(batch, Durability::Durable).ok());
  const auto snapshot = fixture->engine.keys->snapshot();
  ASSERT_TRUE(snapshot.ok());

  fixture->engine = Engine{};

  EXPECT_EQ(this->text((*snapshot)->get("a")), "1");
}

REGISTER_TYPED_TEST_SUITE_P(
    KeyValueStoreContract, AnAbsentKeyIsNotFound, ACommittedValueIsThere, AnEmptyBatchIsOk, KeysMayBeAnyBytes,
    KeysMayHave64KiBAndNotAByteMore, AnEmptyValueIsRefusedAndNothingChanges, TheLastPutOfAKeyWins, ErasingTakesKeysAway,
    PutsComeAfterTheErasesOfTheSameBatch, ErasingAPrefixTakesItsKeysAndNoOthers, APrefixMayEndInTheHighestByte,
    APrefixMayBeNothingButTheHighestByte, AnEmptyPrefixIsRefused, AnErasedKeyMayComeBack,
    ACommitHappensWhenAllItsExpectationsHold, AConflictChangesNothing, ExpectationsAreOfTheMomentBeforeTheBatch,
    AnErasedKeyIsExpectedAsAbsent, ASnapshotDoesNotSeeLaterCommits, EachSnapshotKeepsItsOwnMoment, AScanGoesInByteOrder,
    AScanOfAPrefixStaysBelowIt, AScanStartsAtItsFirstKeyNotBefore, AScanEndsWhenItsVisitorHasEnough,
    AVisitorMayUseTheStore, OfCommitsWithTheSameExpectationExactlyOneWins, NoIncrementIsLostBetweenReadAndCommit,
    NoReaderSeesHalfABatch, ASnapshotMayOutliveItsStore);

}  // namespace modelfs
