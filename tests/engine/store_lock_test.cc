#include "store/store_lock.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <sstream>
#include <thread>

#include "store/scratch_directory.h"
#include "support/small_disk.h"

namespace modelfs {
namespace {

class StoreLockTest : public testing::Test {
 protected:
  std::string path() const { return scratch_ / "store"; }
  void make_directory(mode_t mode = 0700) {
    ASSERT_EQ(::mkdir(path().c_str(), mode), 0);
    ASSERT_EQ(::chmod(path().c_str(), mode), 0);  // whatever the umask
  }
  void make_store() { ASSERT_TRUE(StoreLock::acquire(path(), CreateMode::CreateIfAbsent).ok()); }
  void write(const std::string& name, std::string_view bytes) { scratch_.write("store/" + name, bytes); }
  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path() + "/" + name).rdbuf();
    return text.str();
  }
  std::size_t entries() const {
    const std::filesystem::directory_iterator all(path());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  ScratchDirectory scratch_;
};

void expect_refusal(const Result<StoreLock>& got, Code code, const std::string& words) {
  EXPECT_EQ(got.code(), code) << got.status().str();
  EXPECT_NE(got.status().message().find(words), std::string::npos) << got.status().message();
}

TEST_F(StoreLockTest, CreatesAPrivateStoreWhereNothingIs) {
  const auto lock = StoreLock::acquire(path(), CreateMode::CreateIfAbsent);

  ASSERT_TRUE(lock.ok()) << lock.status().str();
  EXPECT_EQ(lock->id().size(), 36u);
  EXPECT_EQ(read("FORMAT"), "modelfs store\nversion 2\nid " + lock->id() + "\n");
  struct stat info {};
  ASSERT_EQ(::fstat(lock->directory(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  EXPECT_EQ(entries(), 2u);
}

TEST_F(StoreLockTest, AStoreKeepsItsIdAndEachHasItsOwn) {
  const auto id = [](const std::string& path) {
    const auto lock = StoreLock::acquire(path, CreateMode::CreateIfAbsent);
    EXPECT_TRUE(lock.ok()) << lock.status().str();
    return lock->id();
  };
  const std::string first = id(path());

  EXPECT_EQ(id(path()), first);
  EXPECT_NE(id(scratch_ / "another"), first);
}

TEST_F(StoreLockTest, AnAbsentStoreIsNotFoundAndNotMade) {
  expect_refusal(StoreLock::acquire(path(), CreateMode::OpenOnly), Code::NotFound, path());

  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(StoreLockTest, AnEmptyDirectoryIsNotFoundAndLeftEmpty) {
  make_directory();

  EXPECT_EQ(StoreLock::acquire(path(), CreateMode::OpenOnly).code(), Code::NotFound);

  EXPECT_EQ(entries(), 0u);
}

TEST_F(StoreLockTest, ADirectoryOfSomethingElseIsNotWrittenTo) {
  make_directory();
  write("thesis.txt", "mine");

  for (const CreateMode mode : {CreateMode::OpenOnly, CreateMode::CreateIfAbsent}) {
    expect_refusal(StoreLock::acquire(path(), mode), Code::InvalidArgument, "is not a modelfs store");
  }
  EXPECT_EQ(entries(), 1u);
}

TEST_F(StoreLockTest, AFormatOfSomethingElseIsNoStore) {
  make_directory();
  write("FORMAT", "png\n");

  expect_refusal(StoreLock::acquire(path(), CreateMode::CreateIfAbsent), Code::InvalidArgument,
                 "is not a modelfs store");

  EXPECT_EQ(entries(), 1u);
}

TEST_F(StoreLockTest, ANewerVersionIsUnsupportedAndLeftAlone) {
  make_directory();
  write("FORMAT", "modelfs store\nversion 3\nsurprise yes\n");

  const auto lock = StoreLock::acquire(path(), CreateMode::CreateIfAbsent);

  expect_refusal(lock, Code::Unsupported, "version 3");
  expect_refusal(lock, Code::Unsupported, "version 2");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(StoreLockTest, ALineThatIsNotKnownIsANewerModelfss) {
  make_directory();
  write("FORMAT", "modelfs store\nversion 2\nid x\nneeds surprise\n");

  expect_refusal(StoreLock::acquire(path(), CreateMode::CreateIfAbsent), Code::Unsupported, "'needs'");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(StoreLockTest, AnUpgradeIsAnnouncedToOldReadersAndEnds) {
  make_directory();
  write("FORMAT", "modelfs store\nversion 1\nid x\n");
  {
    auto lock = StoreLock::acquire(path(), CreateMode::OpenOnly);
    ASSERT_TRUE(lock.ok()) << lock.status().str();
    EXPECT_TRUE(lock->format().needs_upgrade());
    ASSERT_TRUE(lock->begin_upgrade().ok());
    EXPECT_EQ(read("FORMAT"), "modelfs store\nversion 2\nid x\nupgrading from 1\n");
  }
  auto lock = StoreLock::acquire(path(), CreateMode::OpenOnly);
  ASSERT_TRUE(lock.ok()) << lock.status().str();
  EXPECT_TRUE(lock->format().needs_upgrade()) << "it was interrupted";
  ASSERT_TRUE(lock->begin_upgrade().ok());
  EXPECT_EQ(lock->format().upgrading_from, 1u);

  ASSERT_TRUE(lock->end_upgrade().ok());

  EXPECT_FALSE(lock->format().needs_upgrade());
  EXPECT_EQ(read("FORMAT"), "modelfs store\nversion 2\nid x\n");
}

TEST_F(StoreLockTest, ADamagedFormatIsCorrupt) {
  make_directory();
  for (const char* text :
       {"modelfs store\n", "modelfs store\nversion\n", "modelfs store\nversion 1\n", "modelfs store\nversion x\n",
        "modelfs store\nversion 1\nid\n", "modelfs store\nversion 2\nid x\nupgrading from 2\n",
        "modelfs store\nversion 2\nid x\nupgrading from 0\n"}) {
    write("FORMAT", text);
    expect_refusal(StoreLock::acquire(path(), CreateMode::CreateIfAbsent), Code::Corrupt, "FORMAT");
  }
}

TEST_F(StoreLockTest, AnInterruptedCreationIsCompleted) {
  make_directory();
  write("LOCK", "pid 1 host h since t\n");
  write("FORMAT.tmp", "modelfs st");

  EXPECT_EQ(StoreLock::acquire(path(), CreateMode::OpenOnly).code(), Code::NotFound);
  ASSERT_TRUE(StoreLock::acquire(path(), CreateMode::CreateIfAbsent).ok());
  EXPECT_TRUE(StoreLock::acquire(path(), CreateMode::OpenOnly).ok());
}

TEST_F(StoreLockTest, ASecondHolderLearnsWhoTheFirstIs) {
  const auto first = StoreLock::acquire(path(), CreateMode::CreateIfAbsent);
  ASSERT_TRUE(first.ok());

  const auto second = StoreLock::acquire(path(), CreateMode::OpenOnly);

  expect_refusal(second, Code::Busy, "pid " + std::to_string(::getpid()) + " (engine_tests)");
}

TEST_F(StoreLockTest, TheLockIsFreeWhenItsHolderIsGone) {
  make_store();

  EXPECT_TRUE(StoreLock::acquire(path(), CreateMode::OpenOnly).ok());
}

TEST_F(StoreLockTest, AMovedLockIsStillHeld) {
  auto first = StoreLock::acquire(path(), CreateMode::CreateIfAbsent);
  ASSERT_TRUE(first.ok());

  const StoreLock moved = *std::move(first);

  EXPECT_EQ(StoreLock::acquire(path(), CreateMode::OpenOnly).code(), Code::Busy);
}

TEST_F(StoreLockTest, OnAReadOnlyDiskSeveralReadAndWhoLooksSeesThem) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  const std::string store = disk.path() + "/store";
  ASSERT_TRUE(StoreLock::acquire(store, CreateMode::CreateIfAbsent).ok());
  ASSERT_TRUE(disk.make_read_only());
  {
    const auto first = StoreLock::acquire(store, CreateMode::OpenOnly);
    const auto second = StoreLock::acquire(store, CreateMode::OpenOnly);
    ASSERT_TRUE(first.ok()) << first.status().str();
    ASSERT_TRUE(second.ok()) << second.status().str();
    EXPECT_TRUE(first->is_read_only());
    EXPECT_EQ(first->id(), second->id());
    EXPECT_NE(use_of(store), StoreUse::None);
  }
  EXPECT_EQ(use_of(store), StoreUse::None);
}

TEST_F(StoreLockTest, ACopyWithoutLockOnAReadOnlyDiskCanBeRead) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  const std::string store = disk.path() + "/store";
  ASSERT_TRUE(StoreLock::acquire(store, CreateMode::CreateIfAbsent).ok());
  ASSERT_EQ(::unlink((store + "/LOCK").c_str()), 0);
  ASSERT_TRUE(disk.make_read_only());

  const auto lock = StoreLock::acquire(store, CreateMode::OpenOnly);

  ASSERT_TRUE(lock.ok()) << lock.status().str();
  EXPECT_TRUE(lock->is_read_only());
}

TEST_F(StoreLockTest, AReadOnlyPlaceOfAStoreThatIsServedIsBusy) {
  const SmallDisk disk;
  const TemporaryDirectory elsewhere;
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  const auto served = StoreLock::acquire(disk.path() + "/store", CreateMode::CreateIfAbsent);
  ASSERT_TRUE(served.ok());
  ASSERT_EQ(::mount(disk.path().c_str(), elsewhere.path().c_str(), nullptr, MS_BIND, nullptr), 0);
  const int remounted = ::mount(nullptr, elsewhere.path().c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr);
  const auto lock = StoreLock::acquire(elsewhere.path() + "/store", CreateMode::OpenOnly);
  ::umount2(elsewhere.path().c_str(), MNT_DETACH);

  ASSERT_EQ(remounted, 0);
  expect_refusal(lock, Code::Busy, "is in use by");
}

TEST_F(StoreLockTest, OnAFullDiskTheLockIsTakenAndNamesItsHolder) {
  const SmallDisk disk("64k");
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  const std::string store = disk.path() + "/store";
  ASSERT_TRUE(StoreLock::acquire(store, CreateMode::CreateIfAbsent).ok());
  disk.fill(0);

  const auto lock = StoreLock::acquire(store, CreateMode::OpenOnly);

  ASSERT_TRUE(lock.ok()) << lock.status().str();
  EXPECT_EQ(holder_of(store), "pid " + std::to_string(::getpid()));
}

TEST_F(StoreLockTest, AStoreThatOthersMayWriteIsRefusedWithTheRemedy) {
  make_store();
  for (const mode_t mode : {0720u, 0702u, 0777u}) {
    ASSERT_EQ(::chmod(path().c_str(), mode), 0);
    expect_refusal(StoreLock::acquire(path(), CreateMode::OpenOnly), Code::Denied, "chmod go-w");
  }
  ASSERT_EQ(::chmod(path().c_str(), 0755), 0);
  EXPECT_TRUE(StoreLock::acquire(path(), CreateMode::OpenOnly).ok()) << "others may read";
}

TEST_F(StoreLockTest, AStoreOfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  make_store();
  ASSERT_EQ(::chown(path().c_str(), 12345, 12345), 0);

  expect_refusal(StoreLock::acquire(path(), CreateMode::OpenOnly), Code::Denied, "uid 12345");
}

TEST_F(StoreLockTest, AFileIsNoStore) {
  scratch_.write("store", "a file");

  EXPECT_EQ(StoreLock::acquire(path(), CreateMode::CreateIfAbsent).code(), Code::NotADirectory);
}

TEST_F(StoreLockTest, AStoreMayBeReachedThroughASymlink) {
  make_store();
  ASSERT_EQ(::symlinkat("store", scratch_.fd(), "link"), 0);

  EXPECT_TRUE(StoreLock::acquire(scratch_ / "link", CreateMode::CreateIfAbsent).ok());
}

TEST_F(StoreLockTest, OthersSeeWhetherAStoreIsUsed) {
  EXPECT_EQ(use_of(path()), StoreUse::Unknown) << "there is none";
  make_store();
  EXPECT_EQ(use_of(path()), StoreUse::None);
  EXPECT_FALSE(holder_of(path()).empty()) << "who had it last";

  const auto lock = StoreLock::acquire(path(), CreateMode::OpenOnly);
  ASSERT_TRUE(lock.ok()) << lock.status().str();

  EXPECT_EQ(use_of(path()), StoreUse::Live);
  EXPECT_EQ(holder_of(path()), "pid " + std::to_string(::getpid()));

  write("LOCK", "pid 1 host elsewhere since 2020-01-01T00:00:00Z in pid:[1]\n");
  EXPECT_EQ(use_of(path()), StoreUse::Held) << "another machine's";
}

TEST_F(StoreLockTest, OthersSeeThatItsUserWasKilledAndCannotEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t user = ::fork();
  if (user == 0) {
    ::close(ends[1]);
    const auto lock = StoreLock::acquire(path(), CreateMode::CreateIfAbsent);
    // Stands for a thread that waits in the kernel, whatever happens to its process.
    std::thread waiting([end = ends[0]] {
      char byte = 0;
      (void)!::read(end, &byte, 1);
      ::_exit(0);
    });
    ::syscall(SYS_exit, 0);  // this thread alone
  }
  ::close(ends[0]);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto wait_for = [&](StoreUse use) {
    while (use_of(path()) != use && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return use_of(path()) == use;
  };

  EXPECT_TRUE(wait_for(StoreUse::Killed));

  ::close(ends[1]);
  EXPECT_EQ(::waitpid(user, nullptr, 0), user);
  EXPECT_EQ(use_of(path()), StoreUse::None);
}

}  // namespace
}  // namespace modelfs
