// mount/SEMANTICS.md, "Drafts": what files do.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <future>
#include <random>

#include "mount/mounted.h"

namespace modelfs {
namespace {

class Drafts : public Mounted {
 protected:
  void SetUp() override {
    Mounted::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) make_directory(stage("d"));
  }
  std::string path(const std::string& name) const { return stage("d/" + name); }
  File fresh(const std::string& name) const { return open_file(path(name), O_RDWR | O_CREAT | O_EXCL); }
};

bool write_text(const File& file, std::string_view text, off_t offset) {
  return ::pwrite(file.fd(), text.data(), text.size(), offset) == static_cast<ssize_t>(text.size());
}

TEST_F(Drafts, KeepWhatIsWrittenAnywhereInAnyOrder) {
  std::mt19937 random(1);
  std::string expected(300'000, '\0');
  const File file = fresh("f");
  for (int i = 0; i < 200; ++i) {
    const std::string part = pattern(1 + random() % 5000, static_cast<std::uint32_t>(i));
    const std::size_t offset = random() % (expected.size() - part.size());
    expected.replace(offset, part.size(), part);
    ASSERT_TRUE(write_text(file, part, static_cast<off_t>(offset)));
  }
  ASSERT_EQ(error(::ftruncate(file.fd(), static_cast<off_t>(expected.size()))), 0);

  EXPECT_EQ(read_file(path("f")), expected);
}

TEST_F(Drafts, AppendBehindEachOther) {
  write_file(path("log"), "one ");
  const File first = open_file(path("log"), O_WRONLY | O_APPEND);
  const File second = open_file(path("log"), O_WRONLY | O_APPEND);

  EXPECT_EQ(::write(first.fd(), "two ", 4), 4);
  EXPECT_EQ(::write(second.fd(), "three ", 6), 6);
  EXPECT_EQ(::write(first.fd(), "four", 4), 4);

  EXPECT_EQ(read_file(path("log")), "one two three four");
}

TEST_F(Drafts, AppendFromSeveralProcessesLosesNothing) {
  write_file(path("log"), "");
  const auto append = [&] {
    const int fd = ::open(path("log").c_str(), O_WRONLY | O_APPEND);
    for (int i = 0; i < 200; ++i) {
      if (::write(fd, "0123456789", 10) != 10) return 1;
    }
    return ::close(fd) == 0 ? 0 : 1;
  };
  Holder other([&] { return append() == 0; });
  EXPECT_EQ(append(), 0);
  other.let_go();

  EXPECT_EQ(stat_of(path("log")).st_size, 4000);
}

TEST_F(Drafts, AreCutAndGrownByTruncate) {
  write_file(path("f"), "0123456789");

  ASSERT_EQ(error(::truncate(path("f").c_str(), 4)), 0);
  EXPECT_EQ(read_file(path("f")), "0123");
  ASSERT_EQ(error(::truncate(path("f").c_str(), 6)), 0);
  EXPECT_EQ(read_file(path("f")), std::string("0123\0\0", 6));
}

TEST_F(Drafts, AreEmptiedByOpening) {
  write_file(path("f"), "0123456789");

  const File file = open_file(path("f"), O_WRONLY | O_TRUNC);

  EXPECT_EQ(stat_of(path("f")).st_size, 0);
}

TEST_F(Drafts, KeepHoles) {
  const File file = fresh("f");
  constexpr off_t kFar = 64 << 20;
  ASSERT_TRUE(write_text(file, "end", kFar));

  EXPECT_EQ(stat_of(path("f")).st_size, kFar + 3);
  EXPECT_LT(stat_of(path("f")).st_blocks * 512, 1 << 20);
  EXPECT_EQ(::lseek(file.fd(), 0, SEEK_HOLE), 0);
  EXPECT_EQ(::lseek(file.fd(), 0, SEEK_DATA), kFar);
}

TEST_F(Drafts, WithManyHolesAreClosedAtOnceAndPublishedByCommand) {
  make_draft("x", {{"weights", "abc"}});
  constexpr off_t kFar = off_t{8} << 40;  // hours, if somebody hashed it

  ASSERT_EQ(error(::truncate(stage("x/weights").c_str(), kFar)), 0);
  {
    const File file = open_file(stage("x/weights"), O_WRONLY);
    ASSERT_EQ(error(::ftruncate(file.fd(), kFar + 1)), 0);
  }

  EXPECT_EQ(error(::rename(stage("x").c_str(), at("1.0").c_str())), EFBIG);
  EXPECT_NE(text_attribute(stage("x"), "user.modelfs.error").find("modelfs commit"), std::string::npos);
  ASSERT_EQ(error(::truncate(stage("x/weights").c_str(), off_t{257} << 20)), 0);
  const Outcome outcome = modelfs("commit " + stage("x") + " " + at("1.0"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_EQ(stat_of(at("1.0/weights")).st_size, off_t{257} << 20);
}

// Closes a file of `size_bytes` whose bytes are all hashed by that close; says when it begins, and how long it took.
class SlowCloser {
 public:
  using Clock = std::chrono::steady_clock;

  explicit SlowCloser(const std::string& path, std::size_t size_bytes) {
    EXPECT_EQ(::pipe2(begins_.data(), O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ != 0) {
      ::close(begins_[1]);
      return;
    }
    std::signal(SIGURG, [](int) {});
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    const std::string piece(1 << 20, 'w');
    // The last one first: what is not written in order is not hashed behind its writer.
    for (std::size_t at = size_bytes; at > 0; at -= piece.size()) {
      if (::pwrite(file, piece.data(), piece.size(), static_cast<off_t>(at - piece.size())) < 0) ::_exit(2);
    }
    if (::write(begins_[1], "x", 1) != 1) ::_exit(2);
    ::_exit(::close(file) == 0 ? 0 : 1);
  }
  ~SlowCloser() { ::close(begins_[0]); }

  pid_t pid() const { return pid_; }
  void wait_for_begin() const {
    char byte = 0;
    EXPECT_EQ(::read(begins_[0], &byte, 1), 1);
  }
  // How it ended, as waitpid(2) says.
  int wait_for_end() const {
    int outcome = 0;
    EXPECT_EQ(::waitpid(pid_, &outcome, 0), pid_);
    return outcome;
  }

 private:
  std::array<int, 2> begins_{};
  pid_t pid_ = 0;
};

TEST_F(Drafts, ACloseThatHashesMuchEndsWithItsProcess) {
  constexpr std::size_t kSize = 512 << 20;
  const auto time_to_end = [&](const std::string& name, int signal) {
    const SlowCloser closer(path(name), kSize);
    closer.wait_for_begin();
    const auto begun = SlowCloser::Clock::now();
    if (signal != 0) ::kill(closer.pid(), signal);
    const int outcome = closer.wait_for_end();
    EXPECT_TRUE(signal == 0 ? WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0 : WIFSIGNALED(outcome));
    return SlowCloser::Clock::now() - begun;
  };
  const auto whole = time_to_end("whole", 0);

  EXPECT_LT(time_to_end("killed", SIGKILL), whole * 3 / 4);
  EXPECT_LT(time_to_end("ended", SIGTERM), whole * 3 / 4);

  EXPECT_EQ(run("cmp '" + path("whole") + "' '" + path("killed") + "'").exit_code, 0) << "no byte is lost";
}

TEST_F(Drafts, ACloseThatHashesMuchIsNotInterruptedByASignalThatIsHandled) {
  const SlowCloser closer(path("f"), 256 << 20);
  closer.wait_for_begin();

  int outcome = 0;
  while (::waitpid(closer.pid(), &outcome, WNOHANG) == 0) ::kill(closer.pid(), SIGURG);

  EXPECT_TRUE(WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0) << "close(2) failed";
}

TEST_F(Drafts, CanBeAllocatedAndPunched) {
  const File file = fresh("f");
  constexpr off_t kSize = 1 << 20;

  ASSERT_EQ(error(::fallocate(file.fd(), 0, 0, kSize)), 0);
  EXPECT_EQ(stat_of(path("f")).st_size, kSize);
  ASSERT_TRUE(write_text(file, pattern(kSize), 0));
  ASSERT_EQ(error(::fallocate(file.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192)), 0);
  EXPECT_EQ(::lseek(file.fd(), 0, SEEK_HOLE), 4096);
  EXPECT_EQ(read_file(path("f")).substr(4096, 8192), std::string(8192, '\0'));
}

TEST_F(Drafts, AreWrittenThroughASharedMapping) {
  const File file = fresh("f");
  ASSERT_EQ(error(::ftruncate(file.fd(), 8192)), 0);
  void* const memory = ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
  ASSERT_NE(memory, MAP_FAILED);

  static_cast<char*>(memory)[5000] = 'x';
  ASSERT_EQ(error(::msync(memory, 8192, MS_SYNC)), 0);
  ASSERT_EQ(error(::munmap(memory, 8192)), 0);

  EXPECT_EQ(read_file(path("f"))[5000], 'x');
}

TEST_F(Drafts, LiveOnUnlinkedWhileTheyAreOpen) {
  const File file = fresh("f");
  ASSERT_TRUE(write_text(file, "abc", 0));

  ASSERT_EQ(error(::unlink(path("f").c_str())), 0);

  EXPECT_FALSE(exists(path("f")));
  ASSERT_TRUE(write_text(file, "def", 3));
  std::array<char, 16> bytes{};
  EXPECT_EQ(::pread(file.fd(), bytes.data(), bytes.size(), 0), 6);
  EXPECT_EQ(std::string(bytes.data()), "abcdef");
  struct stat info {};
  ASSERT_EQ(error(::fstat(file.fd(), &info)), 0);
  EXPECT_EQ(info.st_nlink, 0u);
}

TEST_F(Drafts, CanBeSynced) {
  const File file = fresh("f");
  ASSERT_TRUE(write_text(file, "abc", 0));
  const File directory = open_file(stage("d"), O_RDONLY | O_DIRECTORY);

  EXPECT_EQ(error(::fsync(file.fd())), 0);
  EXPECT_EQ(error(::fdatasync(file.fd())), 0);
  EXPECT_EQ(error(::fsync(directory.fd())), 0);
}

TEST_F(Drafts, AreSeenByOtherProcessesAtOnce) {
  const File file = fresh("f");
  ASSERT_TRUE(write_text(file, "abc", 0));

  EXPECT_EQ(in_child([&] {
              struct stat info {};
              return ::stat(path("f").c_str(), &info) == 0 ? static_cast<int>(info.st_size) : 200;
            }),
            3);
}

TEST_F(Drafts, AreCreatedExclusivelyOnce) {
  const File file = fresh("f");

  EXPECT_EQ(error(::open(path("f").c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644)), EEXIST);
}

TEST_F(Drafts, TakeFlockBetweenProcesses) {
  write_file(path("f"), "");
  const auto try_lock = [&] {
    const int fd = ::open(path("f").c_str(), O_RDWR);
    return ::flock(fd, LOCK_EX | LOCK_NB) == 0;
  };
  Holder other(try_lock);
  ASSERT_TRUE(other.holds());

  EXPECT_FALSE(try_lock());
  EXPECT_EQ(errno, EWOULDBLOCK);
  other.let_go();
  EXPECT_TRUE(try_lock());
}

TEST_F(Drafts, TakeRecordLocksBetweenProcesses) {
  write_file(path("f"), "0123456789");
  const File file = open_file(path("f"), O_RDWR);
  const auto try_lock = [&](off_t start) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = start;
    lock.l_len = 5;
    const int fd = ::open(path("f").c_str(), O_RDWR);
    return ::fcntl(fd, F_SETLK, &lock) == 0;
  };
  const Holder other([&] { return try_lock(0); });
  ASSERT_TRUE(other.holds());

  EXPECT_FALSE(try_lock(0));
  EXPECT_TRUE(try_lock(5));
}

TEST_F(Drafts, WaitForRecordLocksOfOtherProcesses) {
  write_file(path("f"), "0123456789");
  const File file = open_file(path("f"), O_RDWR);
  const auto lock_all = [&](int command) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return ::fcntl(file.fd(), command, &lock) == 0;
  };
  Holder other([&] { return lock_all(F_SETLK); });
  ASSERT_TRUE(other.holds());

  auto waiting = std::async(std::launch::async, [&] { return lock_all(F_SETLKW); });
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  other.let_go();

  EXPECT_TRUE(waiting.get());
  EXPECT_EQ(in_child([&] { return lock_all(F_SETLK) ? 1 : 0; }), 0) << "it has the lock";
}

TEST_F(Drafts, WhoReadsOrMapsAFileThatIsBeingWrittenSeesEachWriteAtOnce) {
  const std::string all = pattern(50'000);
  write_file(path("before"), "");
  const File reader_before = open_file(path("before"), O_RDONLY);
  for (const char* name : {"fresh", "before"}) {
    const File writer = open_file(path(name), O_WRONLY | O_CREAT);
    ASSERT_TRUE(write_text(writer, std::string_view(all).substr(0, 10'000), 0));
    const File reader = open_file(path(name), O_RDONLY);
    void* const mapped = ::mmap(nullptr, all.size(), PROT_READ, MAP_SHARED, reader.fd(), 0);
    ASSERT_NE(mapped, MAP_FAILED) << std::strerror(errno);
    const auto seen = [&](std::size_t size) { return std::string(static_cast<const char*>(mapped), size); };
    EXPECT_EQ(seen(10'000), all.substr(0, 10'000));

    for (std::size_t end = 10'001; end < all.size(); end += 3'333) {
      ASSERT_TRUE(write_text(writer, std::string_view(all).substr(0, end), 0));
      std::string read(all.size(), '\0');
      ASSERT_EQ(::pread(reader.fd(), read.data(), read.size(), 0), static_cast<ssize_t>(end));
      EXPECT_EQ(read.substr(0, end), all.substr(0, end));
      EXPECT_EQ(seen(end), all.substr(0, end));
    }
    ::munmap(mapped, all.size());
  }
}

TEST_F(Drafts, AFileThatIsOnlyWrittenAsksForNoAttribute) {
  utsname names{};
  int major = 0;
  int minor = 0;
  ASSERT_EQ(::uname(&names), 0);
  ASSERT_EQ(std::sscanf(names.release, "%d.%d", &major, &minor), 2);
  if (std::pair(major, minor) < std::pair(6, 6))
    GTEST_SKIP() << names.release << " cannot map files that are written so";
  const auto write = [&](const char* name, int access) {
    const File file = open_file(path(name), access | O_CREAT | O_EXCL);
    ASSERT_TRUE(write_text(file, "abc", 0));
  };

  EXPECT_EQ(mount().requests({"getxattr"}, [&] { write("only", O_WRONLY); }), 0u);
  EXPECT_GT(mount().requests({"getxattr"}, [&] { write("read-too", O_RDWR); }), 0u);
}

TEST_F(Drafts, TheNextFileOfADirectoryAsksForNothingAboveIt) {
  const std::string deep = path("a/b/c");
  std::filesystem::create_directories(deep);
  write_file(deep + "/first", "1");
  const auto make = [&] { const File made = open_file(deep + "/next", O_WRONLY | O_CREAT | O_EXCL, 0644); };

  // The name itself, and its directory's attributes, which the last file has changed.
  EXPECT_LE(mount().requests({"lookup", "getattr"}, make), 2u);
}

TEST_F(Drafts, ADirectoryThatWasKnownIsGoneAtOnceWhenItIsPublishedByCommand) {
  std::filesystem::create_directories(path("x/sub"));
  write_file(path("x/sub/f"), "abc");
  const File held = open_file(path("x/sub"), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(permissions(stat_of(path("x/sub"))), 0755u);
  ASSERT_EQ(error(::chmod(path("x/sub").c_str(), 0700)), 0);
  ASSERT_EQ(permissions(stat_of(path("x/sub"))), 0700u);

  ASSERT_EQ(modelfs("commit '" + path("x") + "' '" + at("1.0") + "'").exit_code, 0);

  EXPECT_EQ(error(::access(path("x").c_str(), F_OK)), ENOENT);
  EXPECT_EQ(error(::access(path("x/sub/f").c_str(), F_OK)), ENOENT);
  struct stat now {};
  ASSERT_EQ(::fstat(held.fd(), &now), 0);
  EXPECT_EQ(permissions(now), permissions(stat_of(domain()))) << "what is published has the domain's mode";
}

}  // namespace
}  // namespace modelfs
