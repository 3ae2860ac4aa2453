#define FUSE_USE_VERSION 312
#include "mount/name_forgetter.h"

#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include "support/becomes_true.h"
#include "support/processes.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

constexpr int kPatienceMs = 60'000;

void say(int pipe, char word) { EXPECT_EQ(::write(pipe, &word, 1), 1); }

bool hear(int pipe) {
  char word = 0;
  pollfd said{pipe, POLLIN, 0};
  return ::poll(&said, 1, kPatienceMs) == 1 && ::read(pipe, &word, 1) == 1;
}

// A daemon that answers nothing, whose forgetter waits for the lock of a directory, which a client holds that waits for
// the daemon.
class NameForgetterTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (const File fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC)); !fuse.valid())
      GTEST_SKIP() << "cannot open /dev/fuse";
    ASSERT_EQ(::pipe2(said_.data(), O_CLOEXEC), 0);
    ASSERT_EQ(::pipe2(ordered_.data(), O_CLOEXEC), 0);
    daemon_ = ::fork();
    if (daemon_ == 0) be_daemon();
    // What the daemon says when it is mounted, and when the client's request has come.
    ASSERT_TRUE(hear(said_[0])) << "the test's daemon cannot mount";
    client_ = ::fork();
    if (client_ == 0) ::_exit(::mkdir((point() + "/held").c_str(), 0700) == 0 ? 0 : errno);
    ASSERT_TRUE(hear(said_[0]));
    say(ordered_[1], 'F');
    ASSERT_TRUE(becomes_true(
        [this] { return (forgetter_ = child_named(daemon_, "modelfs-forget")) != 0 && is_stuck(forgetter_); }));
  }

  void TearDown() override {
    if (daemon_ > 0) ::kill(daemon_, SIGKILL);
    // Twice: the connection is cut first, and then nobody is in the mount any more.
    ::umount2(point().c_str(), MNT_FORCE);
    ::umount2(point().c_str(), MNT_DETACH);
    for (const pid_t process : {daemon_, client_}) {
      if (process > 0) ::waitpid(process, nullptr, 0);
    }
    for (const int fd : {said_[0], said_[1], ordered_[0], ordered_[1]}) ::close(fd);
  }

  std::string point() const { return directory_.path(); }
  bool takes_requests() const { return GetParam(); }

  // Ends it for good; its exit code. Fails when it does not end.
  int outcome_of(pid_t& process) {
    int outcome = -1;
    EXPECT_TRUE(becomes_true([&] { return ::waitpid(process, &outcome, WNOHANG) == process; }));
    process = 0;
    return outcome;
  }

  pid_t daemon_ = 0;
  pid_t client_ = 0;
  pid_t forgetter_ = 0;

 private:
  [[noreturn]] void be_daemon() {
    const auto forgetter = NameForgetter::start();
    if (!forgetter.ok()) ::_exit(1);
    std::string name = "test";
    char* arguments[] = {name.data()};
    fuse_args args{.argc = 1, .argv = arguments, .allocated = 0};
    fuse_lowlevel_ops nothing{};
    nothing.lookup = [](fuse_req_t, fuse_ino_t, const char*) {};  // never answered
    fuse_session* const session = fuse_session_new(&args, &nothing, sizeof nothing, nullptr);
    if (session == nullptr || fuse_session_mount(session, point().c_str()) != 0) ::_exit(1);
    auto take_request = [session, buffer = fuse_buf{}]() mutable {
      if (fuse_session_receive_buf(session, &buffer) > 0) fuse_session_process_buf(session, &buffer);
    };
    take_request();  // INIT
    say(said_[1], 'M');
    pollfd asked{fuse_session_fd(session), POLLIN, 0};
    ::poll(&asked, 1, -1);
    if (takes_requests()) take_request();
    say(said_[1], 'T');
    hear(ordered_[0]);
    (void)(*forgetter)->forget(fuse_session_fd(session), Ino{FUSE_ROOT_ID}, "other");
    ::_exit(1);
  }

  TemporaryDirectory directory_;
  std::array<int, 2> said_{-1, -1};     // by the daemon
  std::array<int, 2> ordered_{-1, -1};  // to it
};

TEST_P(NameForgetterTest, LetsADaemonThatIsKilledEndAndItsMountWithIt) {
  ASSERT_EQ(::kill(daemon_, SIGKILL), 0);

  EXPECT_TRUE(WIFSIGNALED(outcome_of(daemon_)));
  const int client = outcome_of(client_);
  EXPECT_TRUE(WIFEXITED(client));
  EXPECT_TRUE(WEXITSTATUS(client) == ENOTCONN || WEXITSTATUS(client) == ECONNABORTED) << WEXITSTATUS(client);
  EXPECT_TRUE(becomes_true([this] { return has_ended(forgetter_); }));
  EXPECT_EQ(::mkdir((point() + "/later").c_str(), 0700), -1);
  EXPECT_EQ(errno, ENOTCONN);
}

INSTANTIATE_TEST_SUITE_P(, NameForgetterTest, testing::Bool(), [](const auto& each) {
  return each.param ? "WhoHadTheRequest" : "WhoHadNotTakenTheRequestYet";
});

}  // namespace
}  // namespace modelfs
