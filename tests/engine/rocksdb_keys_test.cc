// What is RocksDB's own about its KeyValueStore: it stays, and it keeps a reserve of the disk.
#include "engine/rocksdb/rocksdb_keys.h"

#include "engine/rocksdb/catalog_files.h"
#include "engine/rocksdb/free_space.h"
#include "rocksdb_store.h"

namespace modelfs {
namespace {

using RocksdbKeysTest = RocksdbStore;

constexpr std::uint64_t kMoreThanAnyDisk = 1ull << 60;

TEST_F(RocksdbKeysTest, CommitsOfBothKindsSurviveReopening) {
  open();
  Batch buffered;
  buffered.put("buffered", "1");
  ASSERT_TRUE(keys().commit(buffered, Durability::Buffered).ok());
  ASSERT_TRUE(put(keys(), "durable", "2").ok());

  open();

  EXPECT_EQ(value_of(keys(), "buffered"), "1");
  EXPECT_EQ(value_of(keys(), "durable"), "2");
}

TEST_F(RocksdbKeysTest, LargeValuesLieBesideTheTables) {
  const std::string small(kLargeValueBytes - 1, 's');
  const std::string large(kLargeValueBytes, 'l');
  open();
  ASSERT_TRUE(put(keys(), "small", small).ok());
  open();  // out of the log, into a table
  EXPECT_TRUE(catalog_files(scratch().path(), ".blob").empty());
  ASSERT_TRUE(put(keys(), "large", large).ok());
  open();
  EXPECT_EQ(catalog_files(scratch().path(), ".blob").size(), 1u);

  open();

  EXPECT_EQ(value_of(keys(), "small"), small);
  EXPECT_EQ(value_of(keys(), "large"), large);
}

TEST_F(RocksdbKeysTest, LogsOfOpeningsThatWroteNothingDoNotPileUp) {
  open();
  ASSERT_TRUE(put(keys(), "a", "1").ok());
  const auto logs = [this] { return catalog_files(scratch().path(), ".log").size(); };

  std::size_t most = 0;
  for (std::size_t i = 0; i < 3 * kEmptyLogsMax; ++i) {
    open();
    most = std::max(most, logs());
  }
  ASSERT_TRUE(put(keys(), "b", "2").ok());
  open();

  EXPECT_LE(most, kEmptyLogsMax + 3);
  EXPECT_EQ(value_of(keys(), "a"), "1");
  EXPECT_EQ(value_of(keys(), "b"), "2");
}

TEST_F(RocksdbKeysTest, ErasedPrefixesStayErasedAfterReopening) {
  open();
  ASSERT_TRUE(put(keys(), "d/a", "1").ok());
  Batch batch;
  batch.erase_prefix("d/");
  batch.put("d/b", "2");
  ASSERT_TRUE(keys().commit(batch, Durability::Durable).ok());

  for (int i = 0; i < 3; ++i) open();  // out of the log, then out of a table

  EXPECT_EQ(value_of(keys(), "d/a"), "not_found");
  EXPECT_EQ(value_of(keys(), "d/b"), "2");
}

TEST_F(RocksdbKeysTest, APrefixIsErasedWholeHoweverManyKeysItHas) {
  for (const std::size_t count : {RocksdbKeys::kErasedOneByOneMax, RocksdbKeys::kErasedOneByOneMax + 1}) {
    open();
    Batch batch;
    for (std::size_t i = 0; i < count; ++i) batch.put("d/" + std::to_string(i), "1");
    batch.put("c", "1");
    batch.put("e", "1");
    ASSERT_TRUE(keys().commit(batch, Durability::Durable).ok());

    Batch erasing;
    erasing.erase_prefix("d/");
    ASSERT_TRUE(keys().commit(erasing, Durability::Durable).ok());

    std::vector<std::string> left;
    const auto collect = [&](std::string_view key, std::string_view) { return left.emplace_back(key), true; };
    ASSERT_TRUE((*keys().snapshot())->scan("", "", collect).ok());
    EXPECT_EQ(left, (std::vector<std::string>{"c", "e"})) << count;
  }
}

TEST_F(RocksdbKeysTest, WritesNoLogOfItsOwn) {
  open();
  ASSERT_TRUE(put(keys(), "a", "1").ok());
  close();

  EXPECT_TRUE(catalog_files(scratch().path(), "/LOG").empty());
}

TEST_F(RocksdbKeysTest, ASecondOpenerIsTurnedAway) {
  open();

  const auto second = open_rocksdb_engine(scratch().path(), small_options());

  EXPECT_EQ(second.code(), Code::Busy) << second.status().str();
}

TEST_F(RocksdbKeysTest, AStoreThatIsNotThereIsNotFound) {
  EXPECT_EQ(open_rocksdb_engine(scratch() / "absent", small_options()).code(), Code::NotFound);
}

TEST_F(RocksdbKeysTest, ARelativePathStaysTheSameStore) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(scratch().path());
  ASSERT_EQ(::mkdirat(scratch().fd(), "store", 0700), 0);

  const auto opened = open_rocksdb_engine("store", small_options());
  std::filesystem::current_path(before);

  ASSERT_TRUE(opened.ok()) << opened.status().str();
  EXPECT_TRUE(put(*opened->keys, "a", "1").ok());
}

TEST_F(RocksdbKeysTest, BelowTheReserveWhatGrowsIsRefusedWithNumbers) {
  RocksdbOptions options = small_options();
  options.reserve_bytes = kMoreThanAnyDisk;
  open(options);

  const Status status = put(keys(), "a", "1");

  EXPECT_EQ(status.code(), Code::NoSpace);
  EXPECT_NE(status.message().find(std::to_string(kMoreThanAnyDisk >> 20) + " MiB"), std::string::npos)
      << status.message();
  EXPECT_EQ(value_of(keys(), "a"), "not_found");
}

TEST_F(RocksdbKeysTest, WhatReclaimsMayUseTheReserveDownToAnEighth) {
  const auto free = free_bytes(scratch().fd());
  ASSERT_TRUE(free.ok());
  RocksdbOptions options = small_options();
  options.reserve_bytes = *free * 2;
  open(options);

  EXPECT_EQ(put(keys(), "a", "1", SpaceNeed::Grows).code(), Code::NoSpace);
  EXPECT_TRUE(put(keys(), "a", "1", SpaceNeed::Reclaims).ok());

  options.reserve_bytes *= 8;
  open(options);
  EXPECT_EQ(put(keys(), "a", "2", SpaceNeed::Reclaims).code(), Code::NoSpace);
  EXPECT_EQ(value_of(keys(), "a"), "1");
}

}  // namespace
}  // namespace modelfs
