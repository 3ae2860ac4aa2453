// mount/SEMANTICS.md, "Reading".
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "mount/mounted.h"
#include "support/becomes_true.h"

namespace modelfs {
namespace {

constexpr std::array<std::size_t, 9> kSizes = {0, 1, 4095, 4096, 65535, 65536, 65537, (1 << 20) + 3, 5 << 20};

class Reading : public Mounted {
 protected:
  void SetUp() override {
    Mounted::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Files files;
    for (const std::size_t size : kSizes) files[std::to_string(size)] = bytes(size);
    publish("1.0", files);
  }
  static std::string bytes(std::size_t size) { return pattern(size, static_cast<std::uint32_t>(size)); }
  File open(std::size_t size) const { return open_file(at("1.0/" + std::to_string(size)), O_RDONLY); }
};

void forget_pages(const File& file) { ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED); }

TEST_F(Reading, GivesTheBytesInOrder) {
  for (const std::size_t size : kSizes) {
    forget_pages(open(size));
    EXPECT_TRUE(read_file(at("1.0/" + std::to_string(size))) == bytes(size)) << size;
  }
}

TEST_F(Reading, GivesTheBytesAtAnyOffset) {
  for (const std::size_t size : kSizes) {
    const File file = open(size);
    forget_pages(file);
    const std::string expected = bytes(size);
    for (std::size_t offset = 0; offset <= size; offset += 1 + size / 37) {
      std::string part(7919, '\0');
      const ssize_t got = ::pread(file.fd(), part.data(), part.size(), static_cast<off_t>(offset));
      ASSERT_EQ(got, static_cast<ssize_t>(std::min(part.size(), size - offset))) << size << " at " << offset;
      ASSERT_TRUE(part.compare(0, static_cast<std::size_t>(got), expected, offset, static_cast<std::size_t>(got)) == 0);
    }
  }
}

TEST_F(Reading, GivesTheBytesByMapping) {
  for (const std::size_t size : kSizes) {
    if (size == 0) continue;
    const File file = open(size);
    forget_pages(file);
    void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd(), 0);
    ASSERT_NE(memory, MAP_FAILED);
    EXPECT_EQ(std::memcmp(memory, bytes(size).data(), size), 0) << size;
    ::munmap(memory, size);
  }
}

TEST_F(Reading, GivesTheBytesBySendfile) {
  for (const std::size_t size : kSizes) {
    const File file = open(size);
    forget_pages(file);
    const std::string copy = stage("copy");
    {
      const File to = open_file(copy, O_WRONLY | O_CREAT | O_TRUNC);
      std::size_t sent = 0;
      while (sent < size) {
        const ssize_t some = ::sendfile(to.fd(), file.fd(), nullptr, size - sent);
        ASSERT_GT(some, 0) << size;
        sent += static_cast<std::size_t>(some);
      }
    }
    EXPECT_TRUE(read_file(copy) == bytes(size)) << size;
  }
}

TEST_F(Reading, GivesTheBytesToManyThreadsAtOnce) {
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::size_t size = kSizes[8];
      const std::string expected = bytes(size);
      const File file(::open(at("1.0/" + std::to_string(size)).c_str(), O_RDONLY | O_CLOEXEC));
      std::string part(10'007, '\0');
      for (std::size_t i = 0; i < 300; ++i) {
        const std::size_t offset = (i * 1'234'577 + t * 99'991) % (size - part.size());
        if (i % 50 == t) forget_pages(file);
        const ssize_t got = ::pread(file.fd(), part.data(), part.size(), static_cast<off_t>(offset));
        if (got != static_cast<ssize_t>(part.size()) || expected.compare(offset, part.size(), part) != 0) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(wrong, 0);
}

TEST_F(Reading, EndsAtTheSize) {
  const File file = open(4096);
  std::array<char, 16> bytes{};

  EXPECT_EQ(::pread(file.fd(), bytes.data(), bytes.size(), 4090), 6);
  EXPECT_EQ(::pread(file.fd(), bytes.data(), bytes.size(), 4096), 0);
  EXPECT_EQ(::pread(file.fd(), bytes.data(), bytes.size(), 1 << 30), 0);
}

TEST_F(Reading, AnOpenFileStaysTheSameWhenLatestMoves) {
  const File file = open_file(at("latest/4096"), O_RDONLY);
  publish("2.0", {{"4096", "new"}});

  std::string part(4096, '\0');
  EXPECT_EQ(::pread(file.fd(), part.data(), part.size(), 0), 4096);
  EXPECT_TRUE(part == bytes(4096));
  EXPECT_EQ(read_file(at("latest/4096")), "new");
}

TEST_F(Reading, SaysWhatAFileHoldsByAttribute) {
  const std::string digest = text_attribute(at("1.0/0"), "user.modelfs.digest");

  EXPECT_EQ(digest, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(text_attribute(at("1.0"), "user.modelfs.digest").size(), digest.size());
}

TEST_F(Reading, APathThatIsKnownAsksForNothing) {
  constexpr std::uint64_t kTimes = 50;
  struct stat info {};
  const auto work = [&] {
    for (std::uint64_t i = 0; i < kTimes; ++i) {
      for (const char* path : {"", "1.0", "1.0/4096"}) EXPECT_EQ(error(::stat(at(path).c_str(), &info)), 0) << path;
    }
  };
  const auto open_all = [this] {
    for (std::uint64_t i = 0; i < kTimes; ++i) (void)open(4096);
  };
  open_all();
  work();

  EXPECT_EQ(mount().requests({"lookup", "getattr"}, work), 0u);
  EXPECT_EQ(mount().requests({"lookup", "getattr"}, open_all), 0u);
}

TEST_F(Reading, ARemovedReleaseIsGoneForWhoHasAskedBefore) {
  publish("2.0", {{"weights", "w"}});
  ASSERT_TRUE(exists(at("2.0/weights")));
  const std::int64_t before = nanoseconds(stat_of(domain()).st_mtim);

  ASSERT_EQ(modelfs("rm " + at("2.0")).exit_code, 0);

  EXPECT_FALSE(exists(at("2.0")));
  EXPECT_FALSE(exists(at("2.0/weights")));
  EXPECT_GT(nanoseconds(stat_of(domain()).st_mtim), before);
}

TEST_F(Reading, ANameInTheTrashIsAskedForEachTime) {
  publish("2.0", {{"weights", "w"}});
  ASSERT_TRUE(exists(at("2.0/weights")));
  ASSERT_EQ(error(::rename(at("2.0").c_str(), trash("2.0").c_str())), 0);
  ASSERT_TRUE(exists(trash("2.0/weights")));

  ASSERT_EQ(modelfs("restore " + at("2.0")).exit_code, 0);

  // The rename into the trash has the name forgotten behind its back.
  EXPECT_TRUE(becomes_true([&] { return !exists(trash("2.0")); }));
  EXPECT_EQ(read_file(at("2.0/weights")), "w");
}

TEST_F(Reading, AFaceThatIsKnownIsNotAskedForAndGoesAtOnceWithItsRelease) {
  const std::vector<std::string> faces = {"2.0.json", "2.0.tar", "2.0.tar.gz", "2.0.zip"};
  const auto are_there = [&] {
    return std::count_if(faces.begin(), faces.end(), [&](const auto& face) { return exists(at(face)); });
  };
  const std::vector<std::function<int()>> removals = {
      [&] { return error(::rename(at("2.0").c_str(), trash("2.0").c_str())); },
      [&] { return modelfs("rm '" + at("2.0") + "'").exit_code; }};
  for (const auto& remove : removals) {
    publish("2.0", {{"weights", "w"}});
    ASSERT_EQ(are_there(), 4);
    EXPECT_EQ(mount().requests({"LOOKUP", "GETATTR"}, [&] { ASSERT_EQ(are_there(), 4); }), 0u);

    ASSERT_EQ(remove(), 0);

    EXPECT_EQ(are_there(), 0);
    for (const std::string& face : faces) EXPECT_EQ(error(::open(at(face).c_str(), O_RDONLY)), ENOENT) << face;
    ASSERT_EQ(modelfs("restore '" + at("2.0") + "'").exit_code, 0);
    EXPECT_EQ(are_there(), 4);
    ASSERT_EQ(modelfs("rm '" + at("2.0") + "'").exit_code, 0);
  }
}

TEST_F(Reading, AFaceThatIsOpenGoesOnWhenItsReleaseIsRemoved) {
  publish("2.0", {{"weights", "w"}});
  for (const char* face : {"2.0.json", "2.0.tar.gz"}) {
    const std::string before = read_file(at(face));
    const File open = open_file(at(face), O_RDONLY);

    ASSERT_EQ(modelfs("rm '" + at("2.0") + "'").exit_code, 0);

    struct stat info {};
    EXPECT_EQ(error(::fstat(open.fd(), &info)), 0);
    EXPECT_EQ(static_cast<std::size_t>(info.st_size), before.size());
    std::string again(before.size(), '\0');
    EXPECT_EQ(::pread(open.fd(), again.data(), again.size(), 0), static_cast<ssize_t>(again.size()));
    EXPECT_EQ(again, before);
    EXPECT_TRUE(becomes_true([&] { return !exists(at(face)); }));
    ASSERT_EQ(modelfs("restore '" + at("2.0") + "'").exit_code, 0);
  }
}

TEST_F(Reading, ADirectorysTimesFollowWhatIsPublishedInIt) {
  publish("2.0", {{"package", "p"}});
  const std::string root = mount().point();
  std::int64_t domain_time = nanoseconds(stat_of(domain()).st_mtim);
  std::int64_t release_time = nanoseconds(stat_of(at("2.0")).st_mtim);
  const std::int64_t root_time = nanoseconds(stat_of(root).st_mtim);
  const auto has_grown = [](std::int64_t& time, const std::string& path) {
    const std::int64_t before = time;
    time = nanoseconds(stat_of(path).st_mtim);
    return time > before;
  };

  publish("2.0/next", {{"state", "s"}});
  EXPECT_TRUE(has_grown(release_time, at("2.0")));
  TemporaryDirectory elsewhere;
  write_file(elsewhere.path() + "/state", "t");
  ASSERT_EQ(modelfs("put " + elsewhere.path() + " " + at("2.0/next")).exit_code, 0);
  EXPECT_TRUE(has_grown(release_time, at("2.0")));
  ASSERT_EQ(modelfs("put " + elsewhere.path() + " " + at("2.1")).exit_code, 0);
  EXPECT_TRUE(has_grown(domain_time, domain()));
  make_directory(at("3.0"));
  EXPECT_TRUE(has_grown(domain_time, domain()));
  ASSERT_EQ(error(::rmdir(at("3.0").c_str())), 0);
  EXPECT_TRUE(has_grown(domain_time, domain()));
  make_directory(root + "/" + domain_name() + "-2");
  EXPECT_GT(nanoseconds(stat_of(root).st_mtim), root_time);
}

TEST_F(Reading, AModeCountsAtOnceForWhatWasAskedForBefore) {
  ASSERT_TRUE(exists(at("1.0/4096")));

  ASSERT_EQ(error(::chmod(domain().c_str(), 0750)), 0);

  EXPECT_EQ(permissions(stat_of(domain())), 0750u);
  EXPECT_EQ(permissions(stat_of(at("1.0"))), 0750u);
}

class Listing : public Mounted {};

struct LinuxDirent {  // as the kernel writes it. Source: getdents64(2)
  std::uint64_t ino;
  std::int64_t offset;
  std::uint16_t length;
  std::uint8_t type;
  char name[1];
};

// One getdents64(2) with a small buffer; empty at the end.
std::vector<std::string> read_names(const File& directory) {
  alignas(LinuxDirent) std::array<char, 256> buffer{};
  std::vector<std::string> names;
  const long got = ::syscall(SYS_getdents64, directory.fd(), buffer.data(), buffer.size());
  EXPECT_GE(got, 0) << std::strerror(errno);
  for (long at = 0; at < got;) {
    std::uint16_t length = 0;
    std::memcpy(&length, buffer.data() + at + offsetof(LinuxDirent, length), sizeof length);
    names.emplace_back(buffer.data() + at + offsetof(LinuxDirent, name));
    at += length;
  }
  return names;
}

TEST_F(Listing, ShowsEachOldNameOnceWhileReleasesAreCommitted) {
  for (int i = 0; i < 60; ++i) publish("old" + std::to_string(i), {{"f", "x"}});
  const File directory = open_file(domain(), O_RDONLY | O_DIRECTORY);
  std::map<std::string, int> seen;

  int round = 0;
  for (auto names = read_names(directory); !names.empty(); names = read_names(directory), ++round) {
    for (const std::string& name : names) ++seen[name];
    publish((round % 2 == 0 ? "a" : "z") + std::to_string(round), {{"f", "y"}});
  }

  EXPECT_GT(round, 5);
  for (int i = 0; i < 60; ++i) EXPECT_EQ(seen["old" + std::to_string(i)], 1) << i;
  for (const auto& [name, count] : seen) EXPECT_EQ(count, 1) << name;
}

TEST_F(Listing, ShowsNewNamesWhenItIsRewound) {
  publish("1.0", {{"f", "x"}});
  const File directory = open_file(domain(), O_RDONLY | O_DIRECTORY);
  while (!read_names(directory).empty()) {
  }
  publish("1.1", {{"f", "x"}});

  ASSERT_EQ(::lseek(directory.fd(), 0, SEEK_SET), 0);
  int found = 0;
  for (auto names = read_names(directory); !names.empty(); names = read_names(directory)) {
    for (const std::string& name : names) found += name == "1.1" ? 1 : 0;
  }
  EXPECT_EQ(found, 1);
}

TEST_F(Listing, OfADirectoryInAReleaseIsAskedForOnce) {
  publish("1.0", {{"variables/", ""}, {"variables/a", "x"}, {"variables/b", "y"}});
  const std::vector<std::string> names = names_in(at("1.0/variables"));

  const auto work = [&] { EXPECT_EQ(names_in(at("1.0/variables")), names); };

  EXPECT_EQ(names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(mount().requests({"readdir", "readdirplus"}, work), 0u);
}

TEST_F(Listing, ShowsALargeReleaseRightAfterItsCommit) {
  Files files;
  for (int i = 0; i < 3000; ++i) files["file-with-a-long-name-" + std::to_string(i)] = "";
  publish("1.0", files);

  EXPECT_EQ(names_in(at("1.0")).size(), 3000u);
}

}  // namespace
}  // namespace modelfs
