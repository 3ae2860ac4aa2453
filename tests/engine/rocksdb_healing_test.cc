// After a write that failed, the engine reopens RocksDB itself, and loses nothing that it acknowledged.
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <thread>

#include "rocksdb_store.h"

namespace modelfs {
namespace {

// While it lives, no file of this process may grow: a disk error that needs no privileges.
class NoFileGrows {
 public:
  NoFileGrows() {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{1, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~NoFileGrows() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  NoFileGrows(const NoFileGrows&) = delete;
  NoFileGrows& operator=(const NoFileGrows&) = delete;

 private:
  rlimit before_{};
};

class RocksdbHealing : public RocksdbStore {
 protected:
  void fail_a_commit() {
    const NoFileGrows broken;
    const Status status = put(keys(), "refused", "x");
    EXPECT_EQ(status.code(), Code::IoError) << status.str();
  }
};

TEST_F(RocksdbHealing, TheNextCommitHeals) {
  open();
  ASSERT_TRUE(put(keys(), "before", "1").ok());
  fail_a_commit();

  const Status status = put(keys(), "after", "2");

  EXPECT_TRUE(status.ok()) << status.str();
  EXPECT_EQ(value_of(keys(), "before"), "1");
  EXPECT_EQ(value_of(keys(), "after"), "2");
  open();
  EXPECT_EQ(value_of(keys(), "before"), "1");
  EXPECT_EQ(value_of(keys(), "after"), "2");
}

TEST_F(RocksdbHealing, TheNextSnapshotHealsToo) {
  open();
  ASSERT_TRUE(put(keys(), "before", "1").ok());
  fail_a_commit();

  const auto snapshot = keys().snapshot();

  ASSERT_TRUE(snapshot.ok()) << snapshot.status().str();
  EXPECT_TRUE((*snapshot)->get("before").ok());
}

TEST_F(RocksdbHealing, ManyFailuresInARowLoseNothing) {
  open();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(put(keys(), "key" + std::to_string(i), "1").ok());
    fail_a_commit();
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(value_of(keys(), "key" + std::to_string(i)), "1");
}

TEST_F(RocksdbHealing, HealingWaitsForLivingSnapshots) {
  open();
  ASSERT_TRUE(put(keys(), "before", "1").ok());
  auto snapshot = keys().snapshot();
  ASSERT_TRUE(snapshot.ok());
  fail_a_commit();

  std::thread committer([this] {
    const Status status = put(keys(), "after", "2");
    EXPECT_TRUE(status.ok()) << status.str();
  });
  EXPECT_TRUE((*snapshot)->get("before").ok());
  *snapshot = nullptr;
  committer.join();

  EXPECT_EQ(value_of(keys(), "after"), "2");
}

TEST_F(RocksdbHealing, ASnapshotThatDoesNotEndCostsTheCommitAndNotTheReaders) {
  open();
  ASSERT_TRUE(put(keys(), "before", "1").ok());
  auto held = keys().snapshot();
  ASSERT_TRUE(held.ok());
  fail_a_commit();

  EXPECT_EQ(put(keys(), "after", "2").code(), Code::Busy);  // after Database::kDrainMax

  EXPECT_TRUE((*held)->get("before").ok());
  EXPECT_EQ(value_of(keys(), "before"), "1");
  *held = nullptr;
  EXPECT_TRUE(put(keys(), "after", "2").ok());
}

TEST_F(RocksdbHealing, ManyThreadsHealOnce) {
  open();
  ASSERT_TRUE(put(keys(), "before", "1").ok());
  fail_a_commit();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      EXPECT_TRUE(put(keys(), "after" + std::to_string(i), "2").ok());
      EXPECT_EQ(value_of(keys(), "before"), "1");
    });
  }
  for (std::thread& thread : threads) thread.join();

  for (int i = 0; i < 8; ++i) EXPECT_EQ(value_of(keys(), "after" + std::to_string(i)), "2");
}

// A small file system of its own, unmounted in any case.
class SmallDisk {
 public:
  static constexpr const char* kSize = "size=16m,mode=0700";

  SmallDisk() { mounted_ = ::mount("modelfs-test", at_.path().c_str(), "tmpfs", 0, kSize) == 0; }
  ~SmallDisk() {
    if (mounted_) ::umount2(at_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  std::string path() const { return at_.path(); }

  // Takes all but about `left_bytes` of what is free.
  void fill(std::size_t left_bytes) const {
    std::ofstream filler(at_ / "filler", std::ios::binary);
    const auto space = std::filesystem::space(at_.path());
    const std::string block(4096, 'x');
    for (std::uint64_t taken = left_bytes; taken < space.available; taken += block.size()) filler << block;
  }
  void make_room() const { std::filesystem::remove(at_ / "filler"); }

 private:
  ScratchDirectory at_;
  bool mounted_ = false;
};

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
  options.reserve_bytes = 6 << 20;
  auto engine = open_rocksdb_engine(disk.path(), options);
  ASSERT_TRUE(engine.ok()) << engine.status().str();

  Code refusal = Code::Ok;
  const int acked = commit_until_refused(*engine->keys, refusal);

  EXPECT_EQ(refusal, Code::NoSpace);
  EXPECT_TRUE(put(*engine->keys, "removal", "1", SpaceNeed::Reclaims).ok()) << "RocksDB itself saw no failure";
  for (int i = 0; i < acked; ++i) EXPECT_EQ(value_of(*engine->keys, "key" + std::to_string(i)).size(), 10'000u) << i;
}

}  // namespace
}  // namespace modelfs
