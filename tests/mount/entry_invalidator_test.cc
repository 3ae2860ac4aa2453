#define FUSE_USE_VERSION 312
#include "mount/entry_invalidator.h"

#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <string>

#include "os/subprocess.h"
#include "support/becomes_true.h"
#include "support/processes.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

constexpr char kMounted = 'M', kAsked = 'A', kOrdered = 'O', kTold = 'T', kNotTold = 'N';

// '\0' when the other side has ended, which is the bound of every wait here.
char hear(int pipe) {
  char word = 0;
  return ::read(pipe, &word, 1) == 1 ? word : '\0';
}
void say(int pipe, char word) { EXPECT_EQ(::write(pipe, &word, 1), 1); }

// A daemon that answers nothing but the beginning (INIT), and tells the kernel to forget a name when it is ordered to.
class NameForgetterTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const File fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC)); !fuse.valid())
      GTEST_SKIP() << "cannot open /dev/fuse";
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    said_ = File(ends[0]);
    File says(ends[1]);
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const File ordered(ends[0]);
    orders_ = File(ends[1]);
    daemon_ = start([&] { return be_daemon(says.fd(), ordered.fd()); });
    says.reset();
    ASSERT_EQ(hear(said_.fd()), kMounted);
  }

  void TearDown() override {
    // Forced first: then the connection is cut, and nobody is in the mount any more.
    ::umount2(point().c_str(), MNT_FORCE);
    if (::umount2(point().c_str(), MNT_DETACH) != 0 && errno == EPERM) {
      (void)run_program({"fusermount3", "-uz", "--", point()});
    }
    for (pid_t* const process : {&daemon_, &client_}) {
      if (*process <= 0) continue;
      ::kill(*process, SIGKILL);
      (void)outcome_of(*process);
    }
  }

  std::string point() const { return directory_.path(); }
  // Whether the daemon takes the request on which the client waits, before it waits itself.
  virtual bool takes_request() const { return true; }

  pid_t start(const std::function<int()>& work) {
    const pid_t process = ::fork();
    if (process != 0) return process;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::_exit(work());
  }
  // Waits until it has ended, and forgets it; how it ended.
  static int outcome_of(pid_t& process) {
    int outcome = -1;
    const bool has_ended = becomes_true([&] { return ::waitpid(process, &outcome, WNOHANG) == process; });
    EXPECT_TRUE(has_ended);
    if (has_ended) process = 0;
    return outcome;
  }
  // A client that holds the lock of the root and waits for the daemon.
  void start_client() {
    client_ = start([this] { return ::mkdir((point() + "/held").c_str(), 0700) == 0 ? 0 : errno; });
    ASSERT_EQ(hear(said_.fd()), kAsked);
  }
  pid_t forgetter() const {
    pid_t process = 0;
    EXPECT_TRUE(becomes_true([&] { return (process = child_named(daemon_, "modelfs-forget")) != 0; }));
    return process;
  }

  File said_, orders_;  // by the daemon; to it
  pid_t daemon_ = 0;
  pid_t client_ = 0;

 private:
  int be_daemon(int says, int ordered) {
    orders_.reset();  // or it would hear itself for ever
    EntryInvalidator forgetter;
    std::string name = "test";
    char* arguments[] = {name.data()};
    fuse_args args{.argc = 1, .argv = arguments, .allocated = 0};
    fuse_lowlevel_ops nothing{};
    nothing.lookup = [](fuse_req_t, fuse_ino_t, const char*) {};  // never answered
    fuse_session* const session = fuse_session_new(&args, &nothing, sizeof nothing, nullptr);
    if (session == nullptr || fuse_session_mount(session, point().c_str()) != 0) return 1;
    auto take_request = [session, buffer = fuse_buf{}]() mutable {
      if (fuse_session_receive_buf(session, &buffer) > 0) fuse_session_process_buf(session, &buffer);
    };
    take_request();  // INIT
    say(says, kMounted);
    std::array<pollfd, 2> awaited{pollfd{fuse_session_fd(session), POLLIN, 0}, pollfd{ordered, POLLIN, 0}};
    ::poll(awaited.data(), awaited.size(), -1);
    if (awaited[0].revents != 0) {
      if (takes_request()) take_request();
      say(says, kAsked);
    }
    if (hear(ordered) != kOrdered) return 1;
    const Status told = forgetter.forget(fuse_session_fd(session), Ino{FUSE_ROOT_ID}, "other");
    say(says, told.ok() ? kTold : kNotTold);
    return 0;
  }

  TemporaryDirectory directory_;
};

TEST_F(NameForgetterTest, TellsTheKernel) {
  say(orders_.fd(), kOrdered);

  EXPECT_EQ(hear(said_.fd()), kTold);
  EXPECT_EQ(outcome_of(daemon_), 0) << "it ends, and the second process with it";
}

TEST_F(NameForgetterTest, SaysThatNobodyWasToldWhenItIsKilledInTheMiddle) {
  const pid_t killed = forgetter();
  ASSERT_EQ(::kill(killed, SIGSTOP), 0);
  ASSERT_TRUE(becomes_true([&] { return task_at("/proc/" + std::to_string(killed)).state == 'T'; }));
  say(orders_.fd(), kOrdered);
  // Until the daemon waits for it.
  ASSERT_TRUE(becomes_true([&] { return task_at("/proc/" + std::to_string(daemon_)).state == 'S'; }));
  ASSERT_EQ(::kill(killed, SIGKILL), 0);

  EXPECT_EQ(hear(said_.fd()), kNotTold);
}

TEST_F(NameForgetterTest, EndsAlsoWhenSomebodyHasStoppedIt) {
  ASSERT_EQ(::kill(forgetter(), SIGSTOP), 0);
  orders_.reset();

  EXPECT_TRUE(WIFEXITED(outcome_of(daemon_)));
}

class NameForgetterBesideAClient : public NameForgetterTest, public testing::WithParamInterface<bool> {
 protected:
  bool takes_request() const override { return GetParam(); }
};

TEST_P(NameForgetterBesideAClient, LetsADaemonThatIsKilledEndAndItsMountWithIt) {
  ASSERT_NO_FATAL_FAILURE(start_client());
  const pid_t waiting = forgetter();
  say(orders_.fd(), kOrdered);
  ASSERT_TRUE(becomes_true([waiting] { return is_stuck(waiting); }));

  ASSERT_EQ(::kill(daemon_, SIGKILL), 0);

  EXPECT_TRUE(WIFSIGNALED(outcome_of(daemon_)));
  const int client = outcome_of(client_);
  EXPECT_TRUE(WIFEXITED(client));
  EXPECT_TRUE(WEXITSTATUS(client) == ENOTCONN || WEXITSTATUS(client) == ECONNABORTED) << WEXITSTATUS(client);
  EXPECT_TRUE(becomes_true([waiting] { return has_ended(waiting); }));
  EXPECT_EQ(::mkdir((point() + "/later").c_str(), 0700), -1);
  EXPECT_EQ(errno, ENOTCONN);
}

INSTANTIATE_TEST_SUITE_P(, NameForgetterBesideAClient, testing::Bool(), [](const auto& each) {
  return each.param ? "WhoseRequestWasTakenOn" : "WhoseRequestNobodyHasTakenOn";
});

}  // namespace
}  // namespace modelfs
