// kill -9 at any moment loses no acknowledged commit and leaves no half one.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "rocksdb_store.h"

extern char** environ;

namespace modelfs {
namespace {

constexpr int kRounds = 20;
constexpr int kAcksMax = 60;  // before the kill, at most
constexpr std::uint32_t kWriters = 3;
constexpr int kAckFd = 3;
constexpr const char* kStoreVariable = "MODELFS_KILL_TEST_STORE";
constexpr const char* kRoundVariable = "MODELFS_KILL_TEST_ROUND";

struct Ack {
  std::uint32_t writer;
  std::uint32_t number;
};

std::string key_of(const std::string& round, const Ack& ack) {
  return round + "/" + std::to_string(ack.writer) + "/" + std::to_string(ack.number);
}

// The child: not a test, but a program that the test below starts. Commits until it is killed.
TEST(KilledProcess, DISABLED_CommitsUntilItIsKilled) {
  const char* const store = std::getenv(kStoreVariable);
  const char* const round = std::getenv(kRoundVariable);
  if (store == nullptr || round == nullptr) GTEST_SKIP() << "started by KilledProcess.LosesNoAcknowledgedCommit only";
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto engine = open_rocksdb_engine(store, small_options());
  ASSERT_TRUE(engine.ok()) << engine.status().str();

  std::vector<std::thread> writers;
  for (std::uint32_t writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (Ack ack{writer, 0};; ++ack.number) {
        Batch batch;
        batch.put(key_of(round, ack), std::string(2000, 'v'));
        batch.put(key_of(round, ack) + "/twin", "v");
        if (!engine->keys->commit(batch, Durability::Durable).ok()) return;
        if (::write(kAckFd, &ack, sizeof ack) != sizeof ack) return;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
}

struct Child {
  pid_t pid = -1;
  File acks;
};

Child start_child(const std::string& store, const std::string& round) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  Child child{-1, File(ends[0])};
  const File write_end(ends[1]);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  // Why by way of a high number: dup2 onto itself would leave O_CLOEXEC set.
  const File high(::fcntl(write_end.fd(), F_DUPFD_CLOEXEC, 100));
  ::posix_spawn_file_actions_adddup2(&actions, high.fd(), kAckFd);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::setenv(kStoreVariable, store.c_str(), 1);
  ::setenv(kRoundVariable, round.c_str(), 1);
  std::array<std::string, 3> words = {"engine_tests", "--gtest_filter=KilledProcess.DISABLED_CommitsUntilItIsKilled",
                                      "--gtest_also_run_disabled_tests"};
  std::array<char*, 4> arguments = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  EXPECT_EQ(::posix_spawn(&child.pid, "/proc/self/exe", &actions, nullptr, arguments.data(), environ), 0);
  ::posix_spawn_file_actions_destroy(&actions);
  ::unsetenv(kStoreVariable);
  ::unsetenv(kRoundVariable);
  return child;
}

// The acknowledgements of a child that was killed after `acks_wanted` of them.
std::vector<Ack> run_and_kill(const std::string& store, const std::string& round, std::size_t acks_wanted) {
  const Child child = start_child(store, round);
  if (child.pid <= 0) return {};
  std::vector<Ack> acks;
  Ack ack{};
  const auto next = [&] { return ::read(child.acks.fd(), &ack, sizeof ack) == sizeof ack; };
  while (acks.size() < acks_wanted && next()) acks.push_back(ack);
  ::kill(child.pid, SIGKILL);
  while (next()) acks.push_back(ack);  // what it still said before it died
  int ending = 0;
  EXPECT_EQ(::waitpid(child.pid, &ending, 0), child.pid);
  EXPECT_TRUE(WIFSIGNALED(ending)) << "it ended by itself, with " << ending;
  return acks;
}

// It may have been killed before it had made one.
bool has_store(const std::string& store) { return std::filesystem::exists(store + "/catalog/CURRENT"); }

void expect_whole(const std::string& store, bool read_only, const std::string& round, const std::vector<Ack>& acks) {
  RocksdbOptions options = small_options();
  options.read_only = read_only;
  const auto engine = open_rocksdb_engine(store, options);
  ASSERT_TRUE(engine.ok()) << engine.status().str();
  for (const Ack& ack : acks) {
    EXPECT_EQ(value_of(*engine->keys, key_of(round, ack)).size(), 2000u) << key_of(round, ack);
  }
  const auto snapshot = engine->keys->snapshot();
  ASSERT_TRUE(snapshot.ok());
  std::size_t halves = 0;
  const Status scanned = (*snapshot)->scan("", "", [&](std::string_view, std::string_view) { return ++halves > 0; });
  EXPECT_TRUE(scanned.ok()) << scanned.str();
  EXPECT_EQ(halves % 2, 0u) << "half a batch is there";
}

TEST(KilledProcess, LosesNoAcknowledgedCommit) {
  const ScratchDirectory store;
  const auto seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937 random(seed);

  for (int i = 0; i < kRounds; ++i) {
    const std::string round = "round" + std::to_string(i);
    const auto acks = run_and_kill(store.path(), round, random() % kAcksMax);

    // Who only reads sees the same, and leaves it for who writes.
    for (const bool read_only : {true, false}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", " + round + (read_only ? ", read-only" : ""));
      if (read_only && !has_store(store.path())) continue;
      expect_whole(store.path(), read_only, round, acks);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace modelfs
