// A daemon and commands over a disk that others have filled, or that is read-only.
#include <sys/mount.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <thread>

#include "mount/daemon_fixture.h"
#include "support/small_disk.h"

namespace modelfs {
namespace {

// With a release `churn/1.0` on a disk of its own, that nobody serves.
class DaemonOnADisk : public DaemonTest {
 protected:
  static constexpr std::size_t kLarge = 300'000;
  static constexpr std::chrono::seconds kEndMax{10};

  void SetUp() override {
    DaemonTest::SetUp();
    if (IsSkipped()) return;
    disk_.emplace("200m");
    if (!disk_->mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
    store_ = fs::path(disk_->path()) / "store";
    ASSERT_EQ(mount(request()), 0) << complaint();
    fs::create_directory(mount_point() / "churn");
    publish("1.0");
    publish("2.0");
    unmount();
    wait_for_end();
  }

  void TearDown() override {
    if (disk_ && disk_->mounted()) (void)disk_->make_read_only(false);
    DaemonTest::TearDown();
  }

  MountRequest reading() const {
    MountRequest wanted = request();
    wanted.read_only = true;
    return wanted;
  }

  // Why it may take a moment: a daemon gives its store back before it closes its log, and ends.
  bool becomes_read_only() const {
    const auto deadline = std::chrono::steady_clock::now() + kEndMax;
    while (!disk_->make_read_only()) {
      if (errno != EBUSY || std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  void publish(const std::string& version) const {
    const fs::path draft = mount_point() / "churn/.stage/draft";
    fs::create_directory(draft);
    write_file(draft / "small", "bytes");
    write_file(draft / "large", std::string(kLarge, 'x'));
    fs::rename(draft, mount_point() / "churn" / version);
  }

  void expect_served() const {
    EXPECT_EQ(text_of_file(mount_point() / "churn/1.0/small"), "bytes");
    EXPECT_EQ(text_of_file(mount_point() / "churn/1.0/large").size(), kLarge);
    EXPECT_EQ(fs::read_symlink(mount_point() / "churn/latest"), "2.0");
    EXPECT_FALSE(text_of_file(mount_point() / ".modelfs/status.json").empty());
    EXPECT_FALSE(text_of_file(mount_point() / "churn/1.0.tar.gz").empty());
    EXPECT_FALSE(text_of_file(mount_point() / "churn/1.0.json").empty());
  }

  // By a command that opens the store itself.
  void expect_read_by_commands() const {
    EXPECT_EQ(command({"ls", "--store", store_, "churn"}), 0) << said();
    EXPECT_NE(said().find("1.0"), std::string::npos) << said();
    EXPECT_EQ(command({"show", "--store", store_, "churn/1.0"}), 0) << said();
    EXPECT_EQ(command({"log", "--store", store_, "churn"}), 0) << said();
    EXPECT_EQ(command({"verify", "--store", store_}), 0) << said();
    EXPECT_EQ(command({"get", "--store", store_, "churn/1.0", root_ / "out"}), 0) << said();
    EXPECT_EQ(text_of_file(root_ / "out/large").size(), kLarge);
    fs::remove_all(root_ / "out");
  }

  std::optional<SmallDisk> disk_;
};

TEST_F(DaemonOnADisk, ThatIsFullServesReadsAndCommandsRead) {
  disk_->fill(0);

  expect_read_by_commands();
  ASSERT_EQ(mount(reading()), 0) << complaint();
  expect_served();
  unmount();
  wait_for_end();
  ASSERT_EQ(mount(request()), 0) << complaint();
  expect_served();
}

TEST_F(DaemonOnADisk, ThatIsFullServesReadsAlsoWithoutBallastAndAfterAKill) {
  ASSERT_EQ(mount(request()), 0) << complaint();
  publish("3.0");
  EXPECT_EQ(command({"rm", mount_point() / "churn/3.0"}), 0) << said();
  ASSERT_EQ(::kill(daemon(), SIGKILL), 0);
  wait_for_end();
  unmount();
  fs::remove(store_ / "ballast");
  disk_->fill(0);

  ASSERT_EQ(mount(request()), 0) << complaint();
  expect_served();
  EXPECT_EQ(::mkdir((mount_point() / "churn/.stage/more").c_str(), 0755), -1);
  EXPECT_EQ(errno, ENOSPC);

  disk_->make_room();
  EXPECT_EQ(::mkdir((mount_point() / "churn/.stage/more").c_str(), 0755), 0) << "it heals without being mounted anew";
  publish("4.0");
  EXPECT_EQ(text_of_file(mount_point() / "churn/4.0/small"), "bytes");
}

TEST_F(DaemonOnADisk, ThatOthersFillMeanwhileIsRelievedByRemovalsAndGc) {
  ASSERT_EQ(mount(request()), 0) << complaint();
  disk_->fill(0);

  EXPECT_EQ(command({"rm", mount_point() / "churn/1.0"}), 0) << said();
  EXPECT_EQ(::rename((mount_point() / "churn/2.0").c_str(), (mount_point() / ".modelfs/trash/churn/2.0").c_str()), 0)
      << std::strerror(errno);
  EXPECT_EQ(command({"gc", mount_point()}), 0) << said();
  unmount();
  wait_for_end();
  EXPECT_EQ(command({"gc", "--store", store_}), 0) << said();

  disk_->make_room();
  ASSERT_EQ(mount(request()), 0) << complaint();
  EXPECT_FALSE(fs::exists(mount_point() / "churn/1.0"));
  EXPECT_FALSE(fs::exists(mount_point() / "churn/2.0"));
  publish("3.0");
}

TEST_F(DaemonOnADisk, ThatIsReadOnlyIsMountedForReadingAndCommandsReadBesideIt) {
  ASSERT_TRUE(becomes_read_only()) << std::strerror(errno);

  EXPECT_EQ(mount(request()), 1);
  EXPECT_NE(complaint().find("-o ro"), std::string::npos) << complaint();
  expect_read_by_commands();
  EXPECT_NE(command({"rm", "--store", store_, "churn/1.0"}), 0);
  EXPECT_NE(said().find("read-only disk"), std::string::npos) << said();
  ASSERT_EQ(mount(reading()), 0) << complaint();
  expect_served();
  expect_read_by_commands();
  EXPECT_EQ(command({"ls", mount_point() / "churn"}), 0) << said();
  EXPECT_EQ(command({"umount", mount_point()}), 0) << said();
  EXPECT_FALSE(is_mounted());
}

}  // namespace
}  // namespace modelfs
