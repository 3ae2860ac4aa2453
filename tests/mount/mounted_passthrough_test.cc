// mount/SEMANTICS.md, "Who reads": the kernel by itself, or the daemon.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "mount/mounted.h"
#include "support/becomes_true.h"

namespace modelfs {
namespace {

constexpr std::size_t kSize = 300'000;  // above what lies in the catalog
constexpr const char* kReadMode = "user.modelfs.read_mode";

std::string read_all_of(const File& file) {
  std::string bytes(kSize + 1, '\0');
  const ssize_t got = ::pread(file.fd(), bytes.data(), bytes.size(), 0);
  EXPECT_GE(got, 0) << std::strerror(errno);
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes;
}

// A mapping of the first kSize bytes.
class Mapping {
 public:
  explicit Mapping(const File& file) : memory_(::mmap(nullptr, kSize, PROT_READ, MAP_SHARED, file.fd(), 0)) {}
  ~Mapping() {
    if (memory_ != MAP_FAILED) ::munmap(memory_, kSize);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  bool holds(const std::string& bytes) const {
    return memory_ != MAP_FAILED && std::memcmp(memory_, bytes.data(), kSize) == 0;
  }

 private:
  void* const memory_;
};

// recipes=off: an archive that was put in stays the file that it was.
class Passthrough : public Mounted {
 protected:
  static void SetUpTestSuite() { start_suite("recipes=off"); }
  void SetUp() override {
    Mounted::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (const std::string status = mount().status(); status.find("\"mode\": \"passthrough\"") == std::string::npos) {
      GTEST_SKIP() << "the kernel does not read by itself here: " << status.substr(0, status.find("\"opens_by"));
    }
    publish("1.0", {{"weights", bytes()}, {"small", "abc"}});
  }
  static std::string bytes() { return pattern(kSize, 7); }
  File open() const { return open_file(at("1.0/weights"), O_RDONLY); }
  std::string mode_of(const std::string& path) const { return text_attribute(at(path), kReadMode); }
};

TEST_F(Passthrough, AFileIsReadWithoutAReadRequest) {
  const auto work = [this] {
    const File file = open();
    EXPECT_TRUE(read_file(at("1.0/weights")) == bytes());
    EXPECT_TRUE(read_all_of(file) == bytes());
    EXPECT_TRUE(Mapping(file).holds(bytes()));
  };

  EXPECT_EQ(mount().requests({"read"}, work), 0u);
}

TEST_F(Passthrough, AnOpenNeedsNoLookupAndACloseNoFlush) {
  const File directory = open_file(at("1.0"), O_RDONLY | O_DIRECTORY);
  const auto work = [&directory] {
    for (int i = 0; i < 10; ++i) {
      const File file(::openat(directory.fd(), "weights", O_RDONLY | O_CLOEXEC));
      EXPECT_TRUE(read_all_of(file) == bytes());
    }
  };
  work();

  EXPECT_EQ(mount().requests({"open"}, work), 10u);
  EXPECT_EQ(mount().requests({"lookup", "flush", "read"}, work), 0u);
}

TEST_F(Passthrough, AfterAReadOneGetattrIsEnough) {
  const File file = open();
  const auto work = [&file] {
    EXPECT_TRUE(read_all_of(file) == bytes());
    struct stat info {};
    for (int i = 0; i < 5; ++i) EXPECT_EQ(error(::fstat(file.fd(), &info)), 0);
  };

  EXPECT_LE(mount().requests({"getattr"}, work), 1u);
}

TEST_F(Passthrough, TheModeIsToldByAttributeAndByStatus) {
  EXPECT_EQ(mode_of("1.0/weights"), "passthrough");
  EXPECT_EQ(mode_of("1.0/small"), "daemon") << "small files lie in the catalog";
  std::array<char, 64> value{};
  EXPECT_EQ(error(::getxattr(at("1.0.json").c_str(), kReadMode, value.data(), value.size())), ENODATA);
  const std::uint64_t lent = mount().figure("files_lent");

  const File file = open();

  EXPECT_EQ(mount().figure("files_lent"), lent + 1);
}

TEST_F(Passthrough, ReleasesThatShareBytesAreReadAtOnce) {
  publish("2.0", {{"weights", bytes()}});
  const File first = open();
  const File second = open_file(at("2.0/weights"), O_RDONLY);
  const Mapping mapping(second);

  EXPECT_TRUE(read_all_of(first) == bytes());
  EXPECT_TRUE(read_all_of(second) == bytes());
  EXPECT_TRUE(mapping.holds(bytes()));
  EXPECT_EQ(mode_of("1.0/weights"), "passthrough");
  EXPECT_EQ(mode_of("2.0/weights"), "passthrough");
}

TEST_F(Passthrough, ADraftThatIsOpenWhenItIsPublishedStaysWithTheDaemonUntilItIsClosed) {
  make_draft("x", {{"weights", bytes()}});
  File draft = open_file(stage("x/weights"), O_RDONLY);
  ASSERT_EQ(error(::rename(stage("x").c_str(), at("2.0").c_str())), 0);

  {
    const File published = open_file(at("2.0/weights"), O_RDONLY);
    EXPECT_EQ(mode_of("2.0/weights"), "daemon");
    EXPECT_TRUE(read_all_of(published) == bytes());
    EXPECT_TRUE(Mapping(published).holds(bytes()));
    EXPECT_TRUE(read_all_of(draft) == bytes());
  }
  draft.reset();

  EXPECT_TRUE(becomes_true([this] { return mode_of("2.0/weights") == "passthrough"; }));
  EXPECT_TRUE(read_all_of(open_file(at("2.0/weights"), O_RDONLY)) == bytes());
}

TEST_F(Passthrough, ADraftThatIsMappedWhenItIsPublishedCanBeOpenedAgain) {
  make_draft("x", {{"weights", bytes()}});
  const Mapping mapping(open_file(stage("x/weights"), O_RDONLY));
  ASSERT_EQ(error(::rename(stage("x").c_str(), at("2.0").c_str())), 0);

  const File published = open_file(at("2.0/weights"), O_RDONLY);

  EXPECT_TRUE(read_all_of(published) == bytes());
  EXPECT_TRUE(mapping.holds(bytes()));
}

TEST_F(Passthrough, AMappingGoesOnAfterTheCloseAndTheRemoval) {
  File file = open();
  const Mapping mapping(file);
  file.reset();
  ASSERT_EQ(error(::rename(at("1.0").c_str(), trash("1.0").c_str())), 0);

  EXPECT_TRUE(mapping.holds(bytes()));
}

TEST_F(Passthrough, AnOpenFileGoesOnWhenItsReleaseIsRemoved) {
  const File file = open();
  ASSERT_EQ(error(::rename(at("1.0").c_str(), trash("1.0").c_str())), 0);

  EXPECT_TRUE(read_all_of(file) == bytes());
  EXPECT_TRUE(Mapping(file).holds(bytes()));
}

TEST_F(Passthrough, ManyMayOpenOneFileAtOnce) {
  std::atomic<int> wrong = 0;
  const std::string path = at("1.0/weights");
  const std::string expected = bytes();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&wrong, &path, &expected, t] {
      for (int i = 0; i < 200; ++i) {
        const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        char byte = 0;
        const std::size_t offset = static_cast<std::size_t>(t * 1000 + i) % kSize;
        if (::pread(file.fd(), &byte, 1, static_cast<off_t>(offset)) != 1 || byte != expected[offset]) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(becomes_true([] { return mount().figure("files_lent") == 0; })) << mount().status();
}

TEST_F(Passthrough, OpenersThatAreKilledLeaveNothingOpen) {
  const std::string path = at("1.0/weights");
  for (int round = 0; round < 40; ++round) {
    const std::uint64_t opens = mount().figure("opens_by_kernel");
    const pid_t child = ::fork();
    if (child == 0) {
      for (;;) ::close(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    }
    EXPECT_TRUE(becomes_true([&] { return mount().figure("opens_by_kernel") > opens; }));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }

  EXPECT_TRUE(becomes_true([] { return mount().figure("files_lent") == 0; })) << mount().status();
  EXPECT_TRUE(read_all_of(open()) == bytes());
}

TEST_F(Passthrough, AReadAheadThatIsAskedForDoesNoHarm) {
  const File file = open();

  EXPECT_EQ(::posix_fadvise(file.fd(), 0, kSize, POSIX_FADV_WILLNEED), 0);
  EXPECT_EQ(error(::readahead(file.fd(), 0, kSize)), 0);

  EXPECT_TRUE(read_all_of(file) == bytes());
  EXPECT_TRUE(read_all_of(open()) == bytes());
}

TEST_F(Passthrough, AProgramRunsFromARelease) {
  make_draft("x", {});
  ASSERT_EQ(run("cp /bin/ls '" + stage("x") + "'").output, "");
  ASSERT_EQ(error(::rename(stage("x").c_str(), at("2.0").c_str())), 0);
  ASSERT_GT(stat_of(at("2.0/ls")).st_size, 65536);

  EXPECT_EQ(run("'" + at("2.0/ls") + "' '" + at("2.0") + "'").output, "ls\n");
}

TEST_F(Passthrough, AnArchiveThatWasPutInIsReadLikewise) {
  NEEDS("tar");
  const std::string archive = mount().store() + "/../given.tar";
  make_directory(archive + ".d");
  write_file(archive + ".d/weights", bytes());
  ASSERT_EQ(run("tar -C '" + archive + ".d' -cf '" + archive + "' weights").output, "");
  ASSERT_EQ(run("cp '" + archive + "' '" + at("2.0.tar") + "'").output, "");

  const File file = open_file(at("2.0.tar"), O_RDONLY);

  EXPECT_EQ(mode_of("2.0.tar"), "passthrough");
  EXPECT_TRUE(read_file(at("2.0.tar")) == read_file(archive));
}

// Whether a mount of these tests reads by the kernel where nothing else hinders it.
bool can_lend() {
  Mount mount;
  EXPECT_EQ(mount.start(), "");
  return becomes_true([&mount] { return mount.log().find("published files are read") != std::string::npos; }) &&
         mount.log().find("passthrough)") != std::string::npos;
}

// What the mount does where the kernel cannot, or is not to.
class Fallback : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = why_no_mount(); !why.empty()) GTEST_SKIP() << why;
    ::umask(022);
  }
  // A mount that serves committed files itself, and its log says why.
  static void expect_daemon(const Mount& mount, const std::string& reason) {
    // Whether it can do better is found out while the first requests come in.
    const auto is_told = [&mount] { return mount.status().find("\"mode\": \"daemon\"") != std::string::npos; };
    EXPECT_TRUE(becomes_true(is_told)) << mount.status();
    const std::string found = modelfs("doctor '" + mount.point() + "'").output;
    EXPECT_NE(found.find("reads: " + mount.point() + ": through the daemon"), std::string::npos) << found;
    EXPECT_TRUE(becomes_true([&] { return mount.log().find(reason) != std::string::npos; })) << mount.log();
    const std::string bytes = pattern(kSize, 7);
    const std::string domain = mount.point() + "/churn";
    make_directory(domain);
    make_directory(domain + "/.stage/x");
    write_file(domain + "/.stage/x/weights", bytes);
    ASSERT_EQ(error(::rename((domain + "/.stage/x").c_str(), (domain + "/1.0").c_str())), 0);
    EXPECT_EQ(text_attribute(domain + "/1.0/weights", kReadMode), "daemon");
    EXPECT_TRUE(read_file(domain + "/1.0/weights") == bytes);
    EXPECT_TRUE(Mapping(open_file(domain + "/1.0/weights", O_RDONLY)).holds(bytes));
  }
};

TEST_F(Fallback, IsWhatNoPassthroughAsksFor) {
  Mount mount;
  ASSERT_EQ(mount.start("no_passthrough"), "");

  expect_daemon(mount, "no_passthrough");
}

TEST_F(Fallback, IsTakenOnAStoreThatIsStacked) {
  Mount mount;
  const std::string base = mount.point() + "/..";  // not mounted yet
  for (const char* name : {"/store", "/lower", "/upper", "/work"}) make_directory(base + name);
  const std::string layers = "lowerdir=" + base + "/lower,upperdir=" + base + "/upper,workdir=" + base + "/work";
  if (::mount("overlay", mount.store().c_str(), "overlay", 0, layers.c_str()) != 0) {
    GTEST_SKIP() << "no overlayfs here: " << std::strerror(errno);
  }
  const std::string why = mount.start("");
  EXPECT_EQ(why, "");
  if (why.empty()) expect_daemon(mount, can_lend() ? "stacked" : "read through the daemon");
  EXPECT_EQ(mount.stop(), "");
  EXPECT_EQ(error(::umount2(mount.store().c_str(), MNT_DETACH)), 0);
}

// All of it as another user, in one go: `modelfs mount` says on the terminal what he gets.
TEST_F(Fallback, IsTakenForAUserWithoutPrivilegeWhoIsTold) {
  NEEDS("setpriv");
  NEEDS("fusermount3");
  if (::getuid() != 0) GTEST_SKIP() << "only root can be somebody else";
  const Mount paths;  // not started
  const std::string base = paths.point() + "/..";
  make_directory(base + "/nobody");
  ASSERT_EQ(error(::chown((base + "/nobody").c_str(), 65534, 65534)), 0);
  write_file(base + "/nobody/weights", pattern(kSize));
  write_file(base + "/nobody/run", R"(cd "$1"; mkdir mnt; trap '"$2" umount mnt' EXIT
"$2" mount store mnt && mkdir mnt/d mnt/d/.stage/x && cp weights mnt/d/.stage/x && mv -T mnt/d/.stage/x mnt/d/1.0 &&
cmp weights mnt/d/1.0/weights && grep -o '"mode": "[a-z]*"' mnt/.modelfs/status.json
)");

  const Outcome told = run("setpriv --reuid=65534 --regid=65534 --clear-groups sh '" + base + "/nobody/run' '" + base +
                           "/nobody' '" + program_path() + "' </dev/null");

  if (told.output.find("Permission denied") != std::string::npos) GTEST_SKIP() << told.output;
  EXPECT_EQ(told.exit_code, 0) << told.output;
  EXPECT_NE(told.output.find("\"mode\": \"daemon\""), std::string::npos) << told.output;
  EXPECT_NE(told.output.find("read through the daemon"), std::string::npos) << told.output;
}

}  // namespace
}  // namespace modelfs
