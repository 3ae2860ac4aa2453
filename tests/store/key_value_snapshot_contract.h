// What every engine's KeyValueSnapshot must do: store/key_value_store.h, sentence by sentence.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "store/key_value_store_fixture.h"

namespace modelfs {

template <class Fixture>
class KeyValueSnapshotContract : public KeyValueStoreTest<Fixture> {};
TYPED_TEST_SUITE_P(KeyValueSnapshotContract);

TYPED_TEST_P(KeyValueSnapshotContract, ASnapshotDoesNotSeeLaterCommits) {
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
  EXPECT_EQ(this->entries(*before), "changed=1 erased=1 p/erased=1");
  EXPECT_EQ(this->entries(), "changed=3 new=2");
}

TYPED_TEST_P(KeyValueSnapshotContract, EachSnapshotKeepsItsOwnMoment) {
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

TYPED_TEST_P(KeyValueSnapshotContract, AScanGoesInByteOrder) {
  for (const char* key : {"b", "a\x01", "a", "\xc3\xa4", "B", "ab"}) ASSERT_TRUE(this->put(key, "1").ok());

  EXPECT_EQ(this->entries(), "B=1 a=1 a\x01=1 ab=1 b=1 \xc3\xa4=1");
}

TYPED_TEST_P(KeyValueSnapshotContract, AScanOfAPrefixStaysBelowIt) {
  for (const char* key : {"r", "r/a", "r/b", "r0", "s"}) ASSERT_TRUE(this->put(key, "1").ok());
  const auto snapshot = this->snapshot();

  EXPECT_EQ(this->entries(*snapshot, "r/"), "r/a=1 r/b=1");
  EXPECT_EQ(this->entries(*snapshot, "r/a"), "r/a=1");
  EXPECT_EQ(this->entries(*snapshot, "t"), "");
}

TYPED_TEST_P(KeyValueSnapshotContract, AScanStartsAtItsFirstKeyNotBefore) {
  for (const char* key : {"q/z", "r/a", "r/b", "r/c", "s/a"}) ASSERT_TRUE(this->put(key, "1").ok());
  const auto snapshot = this->snapshot();

  EXPECT_EQ(this->entries(*snapshot, "r/", "r/b"), "r/b=1 r/c=1");
  EXPECT_EQ(this->entries(*snapshot, "r/", std::string_view("r/b\0", 4)), "r/c=1");
  EXPECT_EQ(this->entries(*snapshot, "r/", "q"), "r/a=1 r/b=1 r/c=1");
  EXPECT_EQ(this->entries(*snapshot, "r/", "s"), "");
  EXPECT_EQ(this->entries(*snapshot, "", "r/c"), "r/c=1 s/a=1");
}

TYPED_TEST_P(KeyValueSnapshotContract, AScanEndsWhenItsVisitorHasEnough) {
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(this->put(key, "1").ok());
  std::string seen;

  const Status status = this->snapshot()->scan("", "", [&seen](std::string_view key, std::string_view) {
    seen += key;
    return key != "b";
  });

  EXPECT_TRUE(status.ok());
  EXPECT_EQ(seen, "ab");
}

TYPED_TEST_P(KeyValueSnapshotContract, AVisitorMayUseTheStore) {
  for (const char* key : {"a", "b"}) ASSERT_TRUE(this->put(key, "1").ok());
  int visits = 0;

  const Status status = this->snapshot()->scan("", "", [&](std::string_view key, std::string_view) {
    ++visits;
    return this->value(std::string(key)) == "1" && this->put(std::string(key) + "2", "2").ok();
  });

  EXPECT_TRUE(status.ok());
  EXPECT_EQ(visits, 2);
  EXPECT_EQ(this->entries(), "a=1 a2=2 b=1 b2=2");
}

TYPED_TEST_P(KeyValueSnapshotContract, NoReaderSeesHalfABatch) {
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
    const auto snapshot = this->snapshot();
    const std::string number = this->text(snapshot->get("q"));
    if (number == "not_found") continue;
    ASSERT_EQ(this->entries(*snapshot), "p/" + number + "=" + number + " q=" + number);
  }
  writer.join();
}

TYPED_TEST_P(KeyValueSnapshotContract, ASnapshotMayOutliveItsStore) {
  auto fixture = std::make_unique<TypeParam>();
  Batch batch;
  batch.put("a", "1");
  ASSERT_TRUE(fixture->engine.keys->commit(batch, Durability::Durable).ok());
  const auto snapshot = fixture->engine.keys->snapshot();
  ASSERT_TRUE(snapshot.ok());

  fixture->engine = Engine{};

  EXPECT_EQ(this->text((*snapshot)->get("a")), "1");
}

REGISTER_TYPED_TEST_SUITE_P(KeyValueSnapshotContract, ASnapshotDoesNotSeeLaterCommits, EachSnapshotKeepsItsOwnMoment,
                            AScanGoesInByteOrder, AScanOfAPrefixStaysBelowIt, AScanStartsAtItsFirstKeyNotBefore,
                            AScanEndsWhenItsVisitorHasEnough, AVisitorMayUseTheStore, NoReaderSeesHalfABatch,
                            ASnapshotMayOutliveItsStore);

}  // namespace modelfs
