// After a write that failed, the engine reopens RocksDB itself, and loses nothing that it acknowledged.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <thread>

#include "engine/rocksdb/database.h"
#include "rocksdb_store.h"

namespace modelfs {
namespace {

// While it lives, no file of this process may grow: a disk error that needs no privileges.
class NoFileGrows {
 public:
  explicit NoFileGrows(rlim_t above_bytes = 1) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{above_bytes, before_.rlim_max};
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
    EXPECT_EQ(status.code(), Code::Uncertain) << status.str();  // it cannot be reopened either
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

TEST_F(RocksdbHealing, AFileSizeLimitThatIsThereFromTheStartIsNeverMet) {
  const NoFileGrows limited(1 << 20);
  RocksdbOptions options = small_options();
  options.write_buffer_bytes = RocksdbOptions().write_buffer_bytes;
  open(options);
  const std::string value(5000, 'v');
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 1000; ++i) {  // 5 MB
      const Status status = put(keys(), "key" + std::to_string(i), value);
      ASSERT_TRUE(status.ok()) << i << ": " << status.str();
    }
    open(options);
  }
  EXPECT_EQ(value_of(keys(), "key0"), value);
  EXPECT_EQ(value_of(keys(), "key999"), value);
}

TEST_F(RocksdbHealing, ManyFailuresInARowLoseNothing) {
  open();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(put(keys(), "key" + std::to_string(i), "1").ok());
    fail_a_commit();
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(value_of(keys(), "key" + std::to_string(i)), "1");
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

TEST_F(RocksdbHealing, ReadsGoOnWhileTheDiskTakesNothing) {
  open();
  ASSERT_TRUE(put(keys(), "before", "1").ok());
  {
    const NoFileGrows broken;
    EXPECT_EQ(put(keys(), "refused", "x").code(), Code::Uncertain);  // it cannot be reopened to see
    // Long enough for several tries to reopen.
    const auto until = std::chrono::steady_clock::now() + 2 * Database::kReaderPause + std::chrono::milliseconds(100);
    while (std::chrono::steady_clock::now() < until) {
      ASSERT_EQ(value_of(keys(), "before"), "1");
      ASSERT_EQ(value_of(keys(), "refused"), "not_found");
    }
    EXPECT_FALSE(put(keys(), "refused", "x").ok());
    EXPECT_EQ(value_of(keys(), "before"), "1");
  }

  EXPECT_TRUE(put(keys(), "after", "2").ok());
  EXPECT_EQ(value_of(keys(), "before"), "1");
  EXPECT_EQ(value_of(keys(), "after"), "2");
}

}  // namespace
}  // namespace modelfs
