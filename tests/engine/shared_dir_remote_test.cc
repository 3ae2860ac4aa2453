// What a shared directory makes of answers that are lost, of errors, and of what lies in it already.
#include "engine/shared_dir/shared_dir_remote.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "engine/shared_dir/shared_directory.h"
#include "store/scratch_directory.h"
#include "support/becomes_true.h"
#include "support/small_disk.h"

namespace modelfs {
namespace {

// What the next call of linkat(2) answers; 0: what it does.
std::atomic<int> link_error = 0;
// Whether it makes the link all the same.
std::atomic<bool> link_takes_place = false;
// As a hard mount of NFS without its server: the call waits until this is false again.
std::atomic<bool> link_hangs = false;
std::atomic<bool> fsync_hangs = false;
void wait_while(const std::atomic<bool>& hangs) { hangs.wait(true); }
void end_hanging(std::atomic<bool>& hangs) {
  hangs = false;
  hangs.notify_all();
}
// The number of the call of fsync(2) that fails with EIO, from now on; 0: none.
std::atomic<int> failing_fsync = 0;

}  // namespace
}  // namespace modelfs

// Instead of the C library's.
extern "C" int linkat(int from_dir, const char* from, int to_dir, const char* to, int flags) noexcept {
  modelfs::wait_while(modelfs::link_hangs);
  const int error = modelfs::link_error.exchange(0);
  if (error == 0 || modelfs::link_takes_place) {
    const long done = ::syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
    if (error == 0 || done != 0) return static_cast<int>(done);
  }
  errno = error;
  return -1;
}
extern "C" int fsync(int fd) {
  modelfs::wait_while(modelfs::fsync_hangs);
  if (modelfs::failing_fsync.load() > 0 && modelfs::failing_fsync.fetch_sub(1) == 1) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace modelfs {
namespace {

Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(60); }

class SharedDir : public testing::Test {
 protected:
  void SetUp() override { remote = open(); }
  void TearDown() override {
    link_error = 0;
    link_takes_place = false;
    failing_fsync = 0;
    end_hanging(link_hangs);
    end_hanging(fsync_hangs);
  }
  static Deadline in_a_moment() { return std::chrono::steady_clock::now() + std::chrono::milliseconds(50); }
  // Long enough for whatever does not hang.
  static Deadline in_a_second() { return std::chrono::steady_clock::now() + std::chrono::seconds(1); }
  // A put's is removed behind it.
  bool leaves_no_temporaries() const {
    return becomes_true([&] { return temporaries() == 0; });
  }
  std::unique_ptr<Remote> open() const {
    auto opened = open_shared_dir_remote(directory.path());
    EXPECT_TRUE(opened.ok()) << opened.status().str();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  Result<Remote::Created> put_if_absent(const std::string& name) {
    return remote->put_if_absent(name, bytes_of("bytes"), soon());
  }
  Code put(const std::string& name) {
    return remote->put(name, BytesSource(bytes_of("bytes")), hash_of(bytes_of("bytes")).digest, soon()).code();
  }
  Code get(const std::string& name) { return get_whole(*remote, name, 100, soon()).code(); }
  std::size_t temporaries() const {
    std::vector<std::string> names;
    const auto at = open_at(directory.fd(), SharedDirectory::kTemporaries, O_RDONLY | O_DIRECTORY);
    EXPECT_TRUE(at.ok() && list_names(at->fd(), names).ok());
    return names.size();
  }
  mode_t mode_of(const std::string& name) const {
    struct stat info {};
    EXPECT_EQ(::fstatat(directory.fd(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW), 0) << name;
    return info.st_mode & 07777;
  }
  // As if it had been made so long ago.
  void age(const std::string& name, std::chrono::seconds by) const {
    const std::time_t then = std::time(nullptr) - by.count();
    const std::array<timespec, 2> times = {timespec{then, 0}, timespec{then, 0}};
    ASSERT_EQ(::utimensat(directory.fd(), name.c_str(), times.data(), 0), 0);
  }

  ScratchDirectory directory;
  std::unique_ptr<Remote> remote;
};

TEST_F(SharedDir, ALinkWhoseAnswerWasLostIsKnownByTheCountOfItsLinks) {
  ASSERT_TRUE(put_if_absent("log/0").ok());
  link_takes_place = true;
  for (const int error : {EEXIST, EIO, ETIMEDOUT}) {
    const std::string name = "log/" + std::to_string(error);
    link_error = error;
    const auto created = put_if_absent(name);

    ASSERT_TRUE(created.ok()) << created.status().str();
    EXPECT_EQ(*created, Remote::Created::Now);
    EXPECT_EQ(get(name), Code::Ok);
  }
  EXPECT_TRUE(leaves_no_temporaries());
}

TEST_F(SharedDir, ALinkThatMayStillBeMadeIsUnsettled) {
  ASSERT_TRUE(put_if_absent("log/0").ok());
  for (const int error : {EIO, ETIMEDOUT, ESTALE}) {
    link_error = error;
    EXPECT_EQ(put_if_absent("log/1").code(), Code::Unsettled);
    link_error = error;
    EXPECT_EQ(put("blobs/1"), Code::Unavailable);
  }
  EXPECT_EQ(get("log/1"), Code::NotFound);

  EXPECT_EQ(*put_if_absent("log/1"), Remote::Created::Now);
  EXPECT_EQ(put("blobs/1"), Code::Ok);
  EXPECT_TRUE(leaves_no_temporaries());
}

TEST_F(SharedDir, ALinkThatIsRefusedIsNotMade) {
  link_error = ENOSPC;
  EXPECT_EQ(put_if_absent("log").code(), Code::NoSpace);
  link_error = EACCES;
  EXPECT_EQ(put_if_absent("log").code(), Code::Denied);
  EXPECT_EQ(get("log"), Code::NotFound);
  EXPECT_TRUE(leaves_no_temporaries());
}

TEST_F(SharedDir, AFileSystemWithoutHardLinksIsRefused) {
  link_error = EPERM;

  const auto facts = remote->probe(soon());

  EXPECT_EQ(facts.code(), Code::Unsupported);
  EXPECT_NE(facts.status().message().find("hard links"), std::string::npos) << facts.status().message();
}

TEST_F(SharedDir, BytesThatAreNotOnTheDiskGetNoName) {
  failing_fsync = 1;
  EXPECT_EQ(put_if_absent("log").code(), Code::IoError);
  failing_fsync = 1;
  EXPECT_EQ(put("blob"), Code::IoError);

  EXPECT_EQ(get("log"), Code::NotFound);
  EXPECT_EQ(get("blob"), Code::NotFound);
}

TEST_F(SharedDir, ANameThatMayNotBeOnTheDiskIsUnsettled) {
  failing_fsync = 2;
  EXPECT_EQ(put_if_absent("log").code(), Code::Unsettled);

  EXPECT_EQ(*put_if_absent("log"), Remote::Created::Already);
}

TEST_F(SharedDir, ARecordIsNotReadBeforeItsNameIsOnTheDisk) {
  ASSERT_TRUE(put_if_absent("log").ok());
  failing_fsync = 1;

  EXPECT_EQ(get("log"), Code::IoError);
}

TEST_F(SharedDir, AnObjectWhoseBytesHangIsNotMadeAfterItsCallerHasGivenUp) {
  ASSERT_TRUE(put_if_absent("log/0").ok());
  fsync_hangs = true;
  const auto begin = std::chrono::steady_clock::now();

  EXPECT_EQ(remote->put_if_absent("log/1", bytes_of("bytes"), in_a_moment()).code(), Code::Unavailable);
  EXPECT_EQ(remote->put("blobs/1", BytesSource(bytes_of("x")), hash_of(bytes_of("x")).digest, in_a_moment()).code(),
            Code::Unavailable);
  EXPECT_EQ(get_whole(*remote, "log/0", 100, in_a_moment()).code(), Code::Unavailable);

  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  end_hanging(fsync_hangs);
  EXPECT_TRUE(leaves_no_temporaries());
  EXPECT_EQ(get("log/1"), Code::NotFound);
}

TEST_F(SharedDir, ALinkThatHangsIsUnsettledAndMayBeMadeLater) {
  ASSERT_TRUE(put_if_absent("log/0").ok());
  link_hangs = true;

  EXPECT_EQ(remote->put_if_absent("log/1", bytes_of("bytes"), in_a_second()).code(), Code::Unsettled);

  EXPECT_EQ(get("log/1"), Code::NotFound);
  end_hanging(link_hangs);
  EXPECT_TRUE(becomes_true([&] { return get("log/1") == Code::Ok; }));
}

TEST_F(SharedDir, WhereAllThreadsHangCallsEndAtTheirDeadlineAndWhatWasNotBegunIsNotMade) {
  ASSERT_TRUE(put_if_absent("log/0").ok());
  link_hangs = true;
  constexpr std::size_t kMany = 40;
  std::vector<Code> codes(kMany);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kMany; ++i) {
    threads.emplace_back([&, i] {
      const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
      codes[i] = remote->put_if_absent("log/" + std::to_string(i + 1), bytes_of("bytes"), deadline).code();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(get_whole(*remote, "log/0", 100, in_a_moment()).code(), Code::Unavailable);

  end_hanging(link_hangs);
  EXPECT_TRUE(leaves_no_temporaries());
  for (std::size_t i = 0; i < kMany; ++i) {
    EXPECT_TRUE(codes[i] == Code::Unsettled || codes[i] == Code::Unavailable) << code_name(codes[i]);
    const bool is_made = get("log/" + std::to_string(i + 1)) == Code::Ok;
    EXPECT_FALSE(is_made && codes[i] == Code::Unavailable) << i;
  }
}

TEST_F(SharedDir, ItsEndDoesNotWaitForWhatHangs) {
  ASSERT_TRUE(put_if_absent("log/0").ok());
  link_hangs = true;
  EXPECT_EQ(remote->put_if_absent("log/1", bytes_of("bytes"), in_a_second()).code(), Code::Unsettled);

  remote.reset();

  end_hanging(link_hangs);
  EXPECT_TRUE(leaves_no_temporaries());
}

TEST_F(SharedDir, WhatIsMadeHasTheModeOfTheDirectory) {
  const mode_t mask = ::umask(077);
  ASSERT_EQ(::fchmod(directory.fd(), 02750), 0);
  remote = open();
  ASSERT_TRUE(put_if_absent("log/1/2").ok());
  ASSERT_EQ(put("blobs/1"), Code::Ok);
  ::umask(mask);

  EXPECT_EQ(mode_of("log"), 02750u);
  EXPECT_EQ(mode_of("log/1"), 02750u);
  EXPECT_EQ(mode_of("log/1/2"), 0440u);
  EXPECT_EQ(mode_of("blobs/1"), 0440u);
}

TEST_F(SharedDir, TemporaryFilesOfThoseWhoEndedAreRemovedAtTheNextOpening) {
  directory.write("~tmp/old", "x");
  directory.write("~tmp/new", "x");
  ASSERT_EQ(::mkdirat(directory.fd(), "~tmp/directory", 0700), 0);
  age("~tmp/old", std::chrono::hours(25));
  age("~tmp/directory", std::chrono::hours(25));
  age("~tmp/new", std::chrono::hours(23));

  remote = open();

  EXPECT_EQ(temporaries(), 1u);
  EXPECT_TRUE(std::filesystem::exists(directory / "~tmp/new"));
}

TEST_F(SharedDir, TheAgeOfAnObjectIsByTheClockOfItsDisk) {
  ASSERT_TRUE(put_if_absent("a").ok());
  age("a", std::chrono::hours(24 * 7));
  std::chrono::seconds found{0};

  ASSERT_TRUE(remote
                  ->list(
                      "", "",
                      [&found](const RemoteObject& object) {
                        found = object.age;
                        return true;
                      },
                      std::chrono::seconds(60))
                  .ok());

  EXPECT_GE(found, std::chrono::hours(24 * 7) - std::chrono::seconds(1));
  EXPECT_LT(found, std::chrono::hours(24 * 7) + std::chrono::seconds(60));
}

TEST_F(SharedDir, APathThatIsNoDirectoryIsRefusedWithTheWayOut) {
  directory.write("file", "x");

  const auto file = open_shared_dir_remote(directory / "file");
  const auto absent = open_shared_dir_remote(directory / "absent");

  EXPECT_EQ(file.code(), Code::NotADirectory);
  EXPECT_NE(file.status().message().find("name one that all hosts mount"), std::string::npos);
  EXPECT_EQ(absent.code(), Code::NotFound);
  EXPECT_NE(absent.status().message().find("mkdir"), std::string::npos);
}

TEST_F(SharedDir, AnObjectIsNoDirectoryOfOthers) {
  ASSERT_TRUE(put_if_absent("a").ok());
  ASSERT_TRUE(put_if_absent("b/c").ok());

  EXPECT_EQ(put_if_absent("a/b").code(), Code::NotADirectory);
  EXPECT_EQ(get("a/b"), Code::NotFound);
  EXPECT_EQ(get("b"), Code::NotFound);
  EXPECT_EQ(remote->remove("b", soon()).code(), Code::Ok);
  EXPECT_EQ(get("b/c"), Code::Ok);
}

TEST_F(SharedDir, AReadOnlyDiskIsReadAndTakesNothing) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "mounting needs rights";
  remote = *open_shared_dir_remote(disk.path());
  ASSERT_TRUE(put_if_absent("log/1").ok());
  remote.reset();
  ASSERT_TRUE(disk.make_read_only());

  remote = *open_shared_dir_remote(disk.path());

  EXPECT_EQ(get("log/1"), Code::Ok);
  EXPECT_EQ(get("log/2"), Code::NotFound);
  int visits = 0;
  const Status listed = remote->list(
      "", "",
      [&visits](const RemoteObject&) {
        ++visits;
        return true;
      },
      std::chrono::seconds(60));
  EXPECT_TRUE(listed.ok()) << listed.str();
  EXPECT_EQ(visits, 1);
  EXPECT_EQ(put_if_absent("log/2").code(), Code::Immutable);
  EXPECT_EQ(put("blob"), Code::Immutable);
}

TEST(SharedDirOptions, AMountOfNfsThatRemembersAbsentNamesIsRefused) {
  for (const char* options : {"rw,vers=4.2,lookupcache=pos,addr=10.0.0.1", "rw,noac", "rw,lookupcache=none"}) {
    EXPECT_TRUE(check_nfs_options("/shared", options).ok()) << options;
  }
  for (const char* options : {"rw,vers=4.2", "", "rw,lookupcache=all", "rw,noacl"}) {
    EXPECT_EQ(check_nfs_options("/shared", options).code(), Code::Unsupported) << options;
  }
}

}  // namespace
}  // namespace modelfs
