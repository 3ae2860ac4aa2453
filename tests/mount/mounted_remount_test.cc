// mount/SEMANTICS.md, "When the mount ends": what is there again after an end of any kind.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <thread>

#include "mount/mounted.h"
#include "support/becomes_true.h"
#include "support/processes.h"

namespace modelfs {
namespace {

class Remount : public testing::Test {
 protected:
  static constexpr int kDirectories = 20;
  static constexpr int kFilesEach = 50;

  void SetUp() override {
    if (const std::string why = why_no_mount(); !why.empty()) GTEST_SKIP() << why;
    mount_ = std::make_unique<Mount>();
    ASSERT_EQ(mount_->start(), "");
    make_directory(at(""));
  }
  std::string at(const std::string& path) const { return mount_->point() + "/churn/" + path; }
  pid_t forgetter_of_mount() const {
    pid_t process = 0;
    EXPECT_TRUE(becomes_true([&] { return (process = child_named(mount_->pid(), "modelfs-forget")) != 0; }));
    return process;
  }
  std::string tree() const { return at(".stage/tree"); }

  // 1,000 files: some empty, some large, with holes, links, attributes, modes and times of all kinds.
  void make_tree() const {
    make_directory(tree());
    for (int d = 0; d < kDirectories; ++d) make_part(tree() + "/d" + std::to_string(d), d);
  }
  static void make_part(const std::string& directory, int d) {
    make_directory(directory);
    for (int f = 0; f < kFilesEach; ++f) make_file(directory + "/f" + std::to_string(f), d * kFilesEach + f);
    EXPECT_EQ(error(::symlink("../d0/f1", (directory + "/symlink").c_str())), 0);
    EXPECT_EQ(error(::link((directory + "/f1").c_str(), (directory + "/hard").c_str())), 0);
    EXPECT_TRUE(set_attribute(directory, "user.of-directory", std::to_string(d)));
    const timespec times[2] = {{1'100'000'000 + d, 7}, {1'100'000'000 + d, 123'456'789}};
    EXPECT_EQ(error(::utimensat(AT_FDCWD, directory.c_str(), times, 0)), 0);
    EXPECT_EQ(error(::chmod(directory.c_str(), d % 2 == 0 ? 0750 : 02775)), 0);
  }
  static void make_file(const std::string& path, int i) {
    constexpr std::size_t kSizes[] = {0, 1, 100, 4096, 70'000};
    write_file(path, pattern(kSizes[i % 5], static_cast<std::uint32_t>(i)), i % 3 == 0 ? 0600 : 0644);
    if (i % 10 == 0) {
      const File file = open_file(path, O_WRONLY);
      EXPECT_EQ(::pwrite(file.fd(), "far", 3, 1 << 20), 3);
    }
    if (i % 7 == 0) {
      EXPECT_TRUE(set_attribute(path, "user.number", std::to_string(i)));
    }
    const timespec times[2] = {{1'000'000'000 + i, 1}, {1'000'000'000 + i, 999'999'999}};
    EXPECT_EQ(error(::utimensat(AT_FDCWD, path.c_str(), times, 0)), 0);
  }
  std::string publish(const std::string& version, const std::string& bytes) const {
    make_directory(at(".stage/" + version));
    write_file(at(".stage/" + version + "/weights"), bytes);
    EXPECT_EQ(error(::rename(at(".stage/" + version).c_str(), at(version).c_str())), 0);
    return bytes;
  }

  std::unique_ptr<Mount> mount_;
};

TEST_F(Remount, DraftsAreTheSameAfterUnmounting) {
  make_tree();
  const auto before = describe_tree(tree(), Detail::Everything);
  ASSERT_GE(before.size(), 1000u);

  ASSERT_EQ(mount_->stop(), "");
  ASSERT_EQ(mount_->start(), "");

  EXPECT_EQ(describe_tree(tree(), Detail::Everything), before);
}

TEST_F(Remount, DraftsAreTheSameAfterKill) {
  make_tree();
  const auto before = describe_tree(tree(), Detail::Everything);

  mount_->kill();
  ASSERT_EQ(mount_->start(), "");

  EXPECT_EQ(describe_tree(tree(), Detail::Everything), before);
}

TEST_F(Remount, ADraftThatWasBeingWrittenKeepsWhatWasWritten) {
  {
    const File file = open_file(at(".stage/f"), O_WRONLY | O_CREAT);
    ASSERT_EQ(::pwrite(file.fd(), "written", 7, 0), 7);
    mount_->kill();
  }

  ASSERT_EQ(mount_->start(), "");

  EXPECT_EQ(read_file(at(".stage/f")), "written");
}

TEST_F(Remount, ADraftCanBePublishedAfterKill) {
  make_tree();
  const auto before = describe_tree(tree(), Detail::Content);
  mount_->kill();
  ASSERT_EQ(mount_->start(), "");

  ASSERT_EQ(error(::rename(tree().c_str(), at("1.0").c_str())), 0);

  EXPECT_EQ(describe_tree(at("1.0"), Detail::Content), before);
}

TEST_F(Remount, ReleasesAreTheSameAfterKill) {
  const std::string large = publish("1.0", pattern(200'000));
  publish("1.1", "small");
  ASSERT_EQ(error(::symlink("1.0", at("prod").c_str())), 0);
  const auto before = describe_tree(at(""), Detail::Everything);

  mount_->kill();
  ASSERT_EQ(mount_->start(), "");

  EXPECT_EQ(describe_tree(at(""), Detail::Everything), before);
  EXPECT_EQ(link_target(at("latest")), "1.1");
  EXPECT_EQ(read_file(at("prod/weights")), large);
}

TEST_F(Remount, ACommitThatSigtermMeetsIsWholeOrAbsent) {
  for (const int delay_ms : {0, 10, 40, 100}) {
    const std::string release = at("1." + std::to_string(delay_ms));
    if (!exists(tree())) make_tree();
    const auto before = describe_tree(tree(), Detail::Content);
    auto commit =
        std::async(std::launch::async, [&, from = tree()] { return error(::rename(from.c_str(), release.c_str())); });
    std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
    const auto signalled = std::chrono::steady_clock::now();

    ASSERT_EQ(mount_->stop(), "");

    EXPECT_LT(std::chrono::steady_clock::now() - signalled, std::chrono::seconds(10));
    const int answer = commit.get();
    ASSERT_EQ(mount_->start(), "");
    if (answer == 0) {
      EXPECT_TRUE(exists(release)) << "it was acknowledged";
    }
    EXPECT_NE(exists(release), exists(tree())) << "the release or the draft, after " << delay_ms << " ms: " << answer;
    EXPECT_EQ(describe_tree(exists(release) ? release : tree(), Detail::Content), before);
  }
}

TEST_F(Remount, InodeNumbersAreNeverGivenTwice) {
  publish("1.0", "one");
  const ino_t newest = stat_of(at("1.0.json")).st_ino;
  mount_->kill();
  ASSERT_EQ(mount_->start(), "");

  make_directory(at(".stage/later"));

  EXPECT_GT(stat_of(at(".stage/later")).st_ino, newest);
}

TEST_F(Remount, AnEndedMountSaysEnotconnToThoseWhoHoldIt) {
  publish("1.0", "one");
  const File directory = open_file(at("1.0"), O_RDONLY | O_DIRECTORY);
  mount_->kill();

  EXPECT_EQ(error(::openat(directory.fd(), "not-asked-before", O_RDONLY)), ENOTCONN);
}

TEST_F(Remount, AMountThatIsOnlyReadStoresNothing) {
  const std::string bytes = pattern(300'000);
  publish("1.0", bytes);
  ASSERT_EQ(mount_->stop(), "");
  ASSERT_EQ(mount_->start(), "");
  const auto logged_bytes = [&] {
    off_t hash = 0;
    const std::string catalog = mount_->store() + "/catalog";
    for (const std::string& name : names_in(catalog)) {
      if (name.ends_with(".log")) hash += stat_of(catalog + "/" + name).st_size;
    }
    return hash;
  };
  const off_t before = logged_bytes();

  EXPECT_EQ(read_file(at("latest/weights")), bytes);
  EXPECT_FALSE(names_in(at("")).empty());
  EXPECT_FALSE(read_file(at("latest.json")).empty());
  EXPECT_FALSE(read_file(at("1.0.tar")).empty());
  EXPECT_FALSE(exists(at("2.0")));

  EXPECT_EQ(logged_bytes(), before);
}

// The daemon's connection to the kernel, kept open beyond its end: what a thread of it does that waits in the kernel
// when it is killed.
File connection_of(pid_t daemon) {
  const File process(static_cast<int>(::syscall(SYS_pidfd_open, daemon, 0)));
  for (const std::string& number : names_in("/proc/" + std::to_string(daemon) + "/fd")) {
    if (link_target("/proc/" + std::to_string(daemon) + "/fd/" + number) != "/dev/fuse") continue;
    return File(static_cast<int>(::syscall(SYS_pidfd_getfd, process.fd(), std::stoi(number), 0)));
  }
  return File();
}

TEST_F(Remount, AMountWhoseDaemonTheKernelDoesNotMissIsUnmounted) {
  const File connection = connection_of(mount_->pid());
  if (!connection.valid()) GTEST_SKIP() << "what another process has open cannot be had here";
  const Holder waiting([&] { return ::chdir(mount_->point().c_str()) == 0; });
  const std::string point = mount_->point();
  ASSERT_EQ(error(::kill(mount_->pid(), SIGKILL)), 0);
  // It hangs now, and neither command is to ask it for anything.
  const Outcome mounted = modelfs("mount '" + mount_->store() + "' '" + point + "'");
  EXPECT_NE(mounted.exit_code, 0);
  EXPECT_NE(mounted.output.find("modelfs umount"), std::string::npos) << mounted.output;
  const Outcome unmounted = modelfs("umount '" + point + "'");

  EXPECT_EQ(unmounted.exit_code, 0) << unmounted.output;
  EXPECT_EQ(names_in(point), std::vector<std::string>());
  mount_->kill();
  EXPECT_EQ(mount_->start(), "");
}

TEST_F(Remount, WhoeverTellsTheKernelOfNamesEndsWithTheDaemon) {
  const pid_t forgetter = forgetter_of_mount();
  ASSERT_EQ(error(::kill(forgetter, SIGTERM)), 0);  // of a service manager, which means both
  publish("1.0", "one");
  ASSERT_TRUE(exists(at("1.0")));
  EXPECT_EQ(modelfs("rm '" + at("1.0") + "'").exit_code, 0);
  EXPECT_FALSE(exists(at("1.0")));
  EXPECT_EQ(mount_->log().find("the daemon does it itself"), std::string::npos) << mount_->log();
  ASSERT_FALSE(has_ended(forgetter));

  mount_->kill();

  EXPECT_TRUE(becomes_true([forgetter] { return has_ended(forgetter); }));
}

TEST_F(Remount, WithoutItTheDaemonTellsTheKernelItself) {
  publish("1.0", "one");
  publish("1.1", "two");
  const pid_t forgetter = forgetter_of_mount();
  ASSERT_EQ(error(::kill(forgetter, SIGKILL)), 0);
  ASSERT_TRUE(becomes_true([forgetter] { return has_ended(forgetter); }));

  for (const char* const version : {"1.0", "1.1"}) {
    ASSERT_TRUE(exists(at(version)));
    const Outcome removed = modelfs("rm '" + at(version) + "'");
    EXPECT_EQ(removed.exit_code, 0) << removed.output;
    EXPECT_FALSE(exists(at(version)));
  }

  EXPECT_NE(mount_->log().find("the daemon does it itself"), std::string::npos) << mount_->log();
  EXPECT_EQ(mount_->stop(), "");
}

TEST_F(Remount, StatusSaysOfAMountThatItsDaemonIsGone) {
  const pid_t daemon = mount_->pid();
  ASSERT_EQ(error(::kill(daemon, SIGKILL)), 0);
  ASSERT_TRUE(becomes_true([daemon] { return has_ended(daemon); }));

  const Outcome told = modelfs("status '" + mount_->point() + "'");

  EXPECT_EQ(told.exit_code, 0) << told.output;
  EXPECT_NE(told.output.find("its daemon is gone: `modelfs umount`"), std::string::npos) << told.output;
  mount_->kill();
}

TEST_F(Remount, CommandsSayThatADaemonIsStopped) {
  const pid_t daemon = mount_->pid();
  ASSERT_EQ(error(::kill(daemon, SIGSTOP)), 0);
  const std::string point = "'" + mount_->point() + "'";
  const std::string store = " --store '" + mount_->store() + "'";

  for (const std::string& command :
       {"status " + point, "ls " + point, "umount " + point, "ls" + store, "status" + store, "gc" + store}) {
    const Outcome told = modelfs(command);
    EXPECT_NE(told.exit_code, 0) << command;
    EXPECT_NE(told.output.find("kill -CONT " + std::to_string(daemon)), std::string::npos) << command << told.output;
  }

  ASSERT_EQ(error(::kill(daemon, SIGCONT)), 0);
  EXPECT_EQ(modelfs("status " + point).exit_code, 0);
}

TEST_F(Remount, OfTwoStoppedDaemonsThatOfThePathIsNamed) {
  Mount other;
  ASSERT_EQ(other.start(), "");
  ASSERT_EQ(error(::kill(mount_->pid(), SIGSTOP)), 0);
  ASSERT_EQ(error(::kill(other.pid(), SIGSTOP)), 0);

  for (const Mount* const mount : std::initializer_list<const Mount*>{mount_.get(), &other}) {
    const Outcome told = modelfs("status '" + mount->point() + "'");
    EXPECT_NE(told.output.find("kill -CONT " + std::to_string(mount->pid())), std::string::npos) << told.output;
  }

  EXPECT_EQ(error(::kill(other.pid(), SIGCONT)), 0);
  EXPECT_EQ(error(::kill(mount_->pid(), SIGCONT)), 0);
}

TEST_F(Remount, WhoMountsMayHaveClosedItsStandardDescriptors) {
  ASSERT_EQ(mount_->stop(), "");
  for (const char* const closed : {"<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"}) {
    const Outcome mounted = modelfs("mount '" + mount_->store() + "' '" + mount_->point() + "' " + closed);
    EXPECT_EQ(mounted.exit_code, 0) << closed << mounted.output;
    EXPECT_TRUE(exists(at(""))) << closed;
    const pid_t daemon = std::atoi(read_file(mount_->store() + "/LOCK").substr(4).c_str());
    EXPECT_EQ(error(::kill(daemon, SIGTERM)), 0);
    EXPECT_TRUE(becomes_true([this] { return names_in(mount_->point()).empty(); })) << closed;
    EXPECT_TRUE(becomes_true([daemon] { return has_ended(daemon); })) << closed;
  }
}

class Volatile : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = why_no_mount(); !why.empty()) GTEST_SKIP() << why;
    make_directory(point());
    const Outcome mounted = modelfs("mount --volatile '" + point() + "'");
    ASSERT_EQ(mounted.exit_code, 0) << mounted.output;
  }
  void TearDown() override { (void)modelfs("umount --lazy '" + point() + "' 2>&1"); }
  std::string point() const { return directory_.path() + "/mnt"; }
  std::string at(const std::string& path) const { return point() + "/churn/" + path; }

 private:
  TemporaryDirectory directory_;
};

TEST_F(Volatile, PublishesAndReadsAsAnyOtherAndLeavesNothing) {
  const std::string bytes = pattern(300'000);
  make_directory(at(""));
  make_directory(at(".stage/x"));
  write_file(at(".stage/x/weights"), bytes);
  write_file(at(".stage/x/small"), "abc");

  ASSERT_EQ(error(::rename(at(".stage/x").c_str(), at("1.0").c_str())), 0);

  EXPECT_EQ(read_file(at("latest/weights")), bytes);
  EXPECT_EQ(read_file(at("latest/small")), "abc");
  EXPECT_NE(modelfs("ls '" + point() + "/churn'").output.find("1.0"), std::string::npos);
  EXPECT_EQ(modelfs("verify '" + point() + "'").exit_code, 0);
  const Outcome unmounted = modelfs("umount '" + point() + "'");
  EXPECT_EQ(unmounted.exit_code, 0) << unmounted.output;
  EXPECT_EQ(names_in(point()), std::vector<std::string>());
}

}  // namespace
}  // namespace modelfs
