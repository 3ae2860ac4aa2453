// A disk that others have filled, or that is read-only: what is stored can be read, and removed where that is possible.
#include <sys/statvfs.h>

#include "engine/rocksdb/ballast.h"
#include "engine/rocksdb/database.h"
#include "engine/rocksdb/newest_mark.h"
#include "rocksdb_store.h"
#include "support/small_disk.h"

namespace modelfs {
namespace {

// Commits until the first refusal; gives how many were acknowledged.
int commit_until_refused(KeyValueStore& store, Code& refusal) {
  const std::string value(10'000, 'v');
  for (int acked = 0;; ++acked) {
    const Status status = put(store, "key" + std::to_string(acked), value);
    if (status.ok()) continue;
    refusal = status.code();
    return acked;
  }
}

TEST(RocksdbFullDisk, HealsWhenThereIsRoomAgainAndLosesNoAcknowledgedKey) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  auto engine = open_rocksdb_engine(disk.path(), small_options());
  ASSERT_TRUE(engine.ok()) << engine.status().str();
  disk.fill(300 << 10);

  Code refusal = Code::Ok;
  const int acked = commit_until_refused(*engine->keys, refusal);
  EXPECT_EQ(refusal, Code::NoSpace);
  ASSERT_GT(acked, 0);
  EXPECT_EQ(value_of(*engine->keys, "key0").size(), 10'000u) << "reads go on while the disk is full";
  EXPECT_EQ(put(*engine->keys, "still full", "1").code(), Code::NoSpace);
  disk.make_room();

  const Status healed = put(*engine->keys, "after", "1");
  EXPECT_TRUE(healed.ok()) << healed.str();
  for (int i = 0; i < acked; ++i) EXPECT_EQ(value_of(*engine->keys, "key" + std::to_string(i)).size(), 10'000u) << i;
  EXPECT_EQ(value_of(*engine->keys, "key" + std::to_string(acked)), "not_found") << "it was refused with NoSpace";
}

TEST(RocksdbFullDisk, IsNeverMetAboveTheReserve) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  RocksdbOptions options = small_options();
  options.reserve_bytes = 8 << 20;
  auto engine = open_rocksdb_engine(disk.path(), options);
  ASSERT_TRUE(engine.ok()) << engine.status().str();
  // Room for three write buffers: what RocksDB writes behind the last commit, two logs and two tables, is then far
  // smaller than the reserve, and there are too few tables to be merged.
  disk.fill(options.reserve_bytes + 3 * options.write_buffer_bytes);

  Code refusal = Code::Ok;
  const int acked = commit_until_refused(*engine->keys, refusal);

  EXPECT_EQ(refusal, Code::NoSpace);
  EXPECT_TRUE(put(*engine->keys, "removal", "1", SpaceNeed::Reclaims).ok()) << "RocksDB itself saw no failure";
  for (int i = 0; i < acked; ++i) EXPECT_EQ(value_of(*engine->keys, "key" + std::to_string(i)).size(), 10'000u) << i;
}

// 4 MiB are kept free, and 2 MiB are ballast.
RocksdbOptions careful_options() {
  RocksdbOptions options = small_options();
  options.reserve_bytes = 4 << 20;
  options.ballast_bytes = 2 << 20;
  return options;
}

std::uint64_t ballast_bytes(const SmallDisk& disk) {
  std::error_code absent;
  const auto size_bytes = std::filesystem::file_size(disk.path() + "/" + Ballast::kName, absent);
  return absent ? 0 : size_bytes;
}

Status erase(KeyValueStore& store, const std::string& key) {
  Batch batch;
  batch.erase(key);
  return store.commit(batch, Durability::Durable, SpaceNeed::Reclaims);
}

TEST(RocksdbBallast, LetsThingsBeRemovedWithNoByteFreeAndIsMadeAnew) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  auto engine = open_rocksdb_engine(disk.path(), careful_options());
  ASSERT_TRUE(engine.ok()) << engine.status().str();
  constexpr int kKeys = 300;
  for (int i = 0; i < kKeys; ++i) ASSERT_TRUE(put(*engine->keys, "key" + std::to_string(i), "v").ok());
  ASSERT_EQ(ballast_bytes(disk), 2u << 20);
  disk.fill(0);

  EXPECT_EQ(put(*engine->keys, "more", "1").code(), Code::NoSpace);
  for (int i = 0; i < kKeys; ++i) {
    const Status status = erase(*engine->keys, "key" + std::to_string(i));
    ASSERT_TRUE(status.ok()) << i << ": " << status.str();
  }

  EXPECT_LT(ballast_bytes(disk), 2u << 20);
  EXPECT_EQ(value_of(*engine->keys, "key7"), "not_found");
  disk.make_room();
  ASSERT_TRUE(put(*engine->keys, "more", "1").ok());
  EXPECT_EQ(ballast_bytes(disk), 2u << 20);
}

TEST(RocksdbBallast, IsGivenBackOnlyAsFarAsItIsNeeded) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  auto engine = open_rocksdb_engine(disk.path(), careful_options());
  ASSERT_TRUE(engine.ok()) << engine.status().str();
  ASSERT_TRUE(put(*engine->keys, "a", "1").ok());

  // Others take what is given back, at once, until there is no more.
  int removals = 0;
  for (; ballast_bytes(disk) > 0; ++removals) {
    disk.fill(0);
    const std::uint64_t before = ballast_bytes(disk);
    ASSERT_TRUE(erase(*engine->keys, "a").ok()) << removals;
    ASSERT_LE(before - ballast_bytes(disk), careful_options().reserve_bytes / 8);
  }
  disk.fill(0);

  EXPECT_EQ(removals, 4);
  EXPECT_EQ(erase(*engine->keys, "a").code(), Code::NoSpace);
}

TEST(RocksdbBallast, IsMadeOnlyOfWhatIsFreeAboveTheReserve) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  RocksdbOptions options = careful_options();
  options.ballast_bytes = 16 << 20;
  auto engine = open_rocksdb_engine(disk.path(), options);
  ASSERT_TRUE(engine.ok()) << engine.status().str();

  ASSERT_TRUE(put(*engine->keys, "a", "1").ok());

  EXPECT_LT(ballast_bytes(disk), options.ballast_bytes);
  // RocksDB has preallocated its log since.
  EXPECT_GE(disk.free_bytes() + (2 << 20), options.reserve_bytes);
}

class RocksdbFullDiskOpening : public testing::TestWithParam<bool> {};

TEST_P(RocksdbFullDiskOpening, ServesReadsAndHealsWhenThereIsRoom) {
  const bool has_ballast = GetParam();
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  RocksdbOptions options = careful_options();
  if (!has_ballast) options.ballast_bytes = 0;
  const std::string large(kLargeValueBytes, 'l');
  for (int start = 0; start < 3; ++start) {  // what is read lies in tables, in files of large values, and in the log
    auto engine = open_rocksdb_engine(disk.path(), options);
    ASSERT_TRUE(engine.ok()) << engine.status().str();
    ASSERT_TRUE(put(*engine->keys, "small" + std::to_string(start), "s").ok());
    ASSERT_TRUE(put(*engine->keys, "large" + std::to_string(start), large).ok());
  }
  disk.fill(0);

  auto engine = open_rocksdb_engine(disk.path(), options);

  ASSERT_TRUE(engine.ok()) << engine.status().str();
  for (int start = 0; start < 3; ++start) {
    EXPECT_EQ(value_of(*engine->keys, "small" + std::to_string(start)), "s");
    EXPECT_EQ(value_of(*engine->keys, "large" + std::to_string(start)), large);
  }
  EXPECT_EQ(put(*engine->keys, "more", "1").code(), Code::NoSpace);
  EXPECT_EQ(erase(*engine->keys, "small0").ok(), has_ballast);
  disk.make_room();
  EXPECT_TRUE(erase(*engine->keys, "small0").ok());
  EXPECT_TRUE(put(*engine->keys, "more", "1").ok());
  EXPECT_EQ(value_of(*engine->keys, "large2"), large);
}

INSTANTIATE_TEST_SUITE_P(Each, RocksdbFullDiskOpening, testing::Bool(),
                         [](const auto& each) { return each.param ? "WithBallast" : "WithoutBallast"; });

// Names, sizes and times of everything in a directory.
std::vector<std::string> state_of(const std::string& path) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    const auto size_bytes = entry.is_regular_file() ? entry.file_size() : 0;
    found.push_back(entry.path().native() + " " + std::to_string(size_bytes) + " " +
                    std::to_string(entry.last_write_time().time_since_epoch().count()));
  }
  std::sort(found.begin(), found.end());
  return found;
}

class RocksdbReadOnly : public RocksdbStore {
 protected:
  static RocksdbOptions reading_options() {
    RocksdbOptions options = small_options();
    options.read_only = true;
    return options;
  }
};

TEST_F(RocksdbReadOnly, ReadsEverythingAndWritesNothing) {
  const std::string large(kLargeValueBytes, 'l');
  open();
  ASSERT_TRUE(put(keys(), "table", "1").ok());
  ASSERT_TRUE(put(keys(), "large", large).ok());
  open();
  ASSERT_TRUE(put(keys(), "log", "2").ok());
  close();
  const auto before = state_of(scratch().path());

  open(reading_options());

  EXPECT_EQ(value_of(keys(), "table"), "1");
  EXPECT_EQ(value_of(keys(), "large"), large);
  EXPECT_EQ(value_of(keys(), "log"), "2");
  for (const SpaceNeed need : {SpaceNeed::Grows, SpaceNeed::Reclaims}) {
    EXPECT_EQ(put(keys(), "more", "1", need).host_errno(), EROFS);
  }
  EXPECT_EQ(value_of(keys(), "more"), "not_found");
  close();
  EXPECT_EQ(state_of(scratch().path()), before);
  open();
  EXPECT_EQ(value_of(keys(), "log"), "2");
  EXPECT_TRUE(put(keys(), "more", "1").ok());
}

TEST_F(RocksdbReadOnly, ACopyWithoutTheMarkOfTheNewestCommitStaysAsItIs) {
  open();
  ASSERT_TRUE(put(keys(), "a", "1").ok());
  close();
  std::filesystem::remove(scratch() / kNewestName);
  const auto before = state_of(scratch().path());

  open(reading_options());
  EXPECT_EQ(value_of(keys(), "a"), "1");
  close();

  EXPECT_EQ(state_of(scratch().path()), before);
}

TEST_F(RocksdbReadOnly, MakesNoStore) {
  EXPECT_FALSE(try_open(reading_options()).ok());

  EXPECT_TRUE(state_of(scratch().path()).empty());
}

TEST_F(RocksdbReadOnly, ADamagedCatalogIsCorrupt) {
  open();
  ASSERT_TRUE(put(keys(), "a", "1").ok());
  close();
  std::filesystem::remove(scratch() / "catalog/CURRENT");

  EXPECT_EQ(try_open(reading_options()).code(), Code::Corrupt);
}

TEST(RocksdbReadOnlyDisk, CanBeRead) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  {
    auto engine = open_rocksdb_engine(disk.path(), small_options());
    ASSERT_TRUE(engine.ok()) << engine.status().str();
    ASSERT_TRUE(put(*engine->keys, "a", "1").ok());
  }
  ASSERT_TRUE(disk.make_read_only());
  RocksdbOptions options = small_options();
  options.read_only = true;

  auto engine = open_rocksdb_engine(disk.path(), options);

  ASSERT_TRUE(engine.ok()) << engine.status().str();
  EXPECT_EQ(value_of(*engine->keys, "a"), "1");
}

}  // namespace
}  // namespace modelfs
