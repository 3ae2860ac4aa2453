// The life of a daemon on a real mount: start, refusals, every way to end.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>

#include "mount/daemon_fixture.h"

namespace modelfs {
namespace {

using Daemon = DaemonTest;

TEST_F(Daemon, KeepsWhatWasMadeFromOneMountToTheNext) {
  ASSERT_EQ(mount(request()), 0) << complaint();
  fs::create_directory(mount_point() / "churn");
  write_file(mount_point() / "churn/.stage/draft", "bytes");
  unmount();
  wait_for_end();

  ASSERT_EQ(mount(request()), 0) << complaint();

  EXPECT_EQ(text_of_file(mount_point() / "churn/.stage/draft"), "bytes");
}

TEST_F(Daemon, EndsOnASignalAlthoughAFileIsOpen) {
  ASSERT_EQ(mount(request()), 0) << complaint();
  fs::create_directory(mount_point() / "churn");
  const File file(::open((mount_point() / "churn/.stage/draft").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_TRUE(file.valid());

  ASSERT_EQ(::kill(daemon(), SIGTERM), 0);
  wait_for_end();

  EXPECT_FALSE(is_mounted());
  char byte = 0;
  EXPECT_EQ(::pread(file.fd(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ENOTCONN);
}

TEST_F(Daemon, ServesAnOpenFileToItsEndWhenItIsUnmountedLazily) {
  ASSERT_EQ(mount(request()), 0) << complaint();
  fs::create_directory(mount_point() / "churn");
  write_file(mount_point() / "churn/.stage/draft", "bytes");
  File file(::open((mount_point() / "churn/.stage/draft").c_str(), O_RDONLY | O_CLOEXEC));

  unmount();

  const auto text = read_all(file.fd(), 100);
  ASSERT_TRUE(text.ok()) << text.status().str();
  EXPECT_EQ(*text, "bytes");
  file.reset();
  wait_for_end();
}

// Publishes 0.0, 1.0, … until it fails; writes each number that was acknowledged as a line to `acknowledged`.
void publish_until_the_end(const fs::path& domain, int acknowledged) {
  std::error_code error;
  for (int i = 0; !error; ++i) {
    const fs::path draft = domain / ".stage/draft";
    fs::create_directory(draft, error);
    write_file(draft / "weights", std::to_string(i));
    fs::rename(draft, domain / (std::to_string(i) + ".0"), error);
    if (!error) ::dprintf(acknowledged, "%d\n", i);
  }
}

TEST_F(Daemon, KeepsEveryCommitThatWasAcknowledgedBeforeASignal) {
  ASSERT_EQ(mount(request()), 0) << complaint();
  fs::create_directory(mount_point() / "churn");
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t publisher = ::fork();
  if (publisher == 0) {
    publish_until_the_end(mount_point() / "churn", ends[1]);
    ::_exit(0);
  }
  ::close(ends[1]);
  const std::unique_ptr<FILE, int (*)(FILE*)> acknowledged(::fdopen(ends[0], "r"), std::fclose);
  int last = -1;
  while (last < 20) ASSERT_EQ(std::fscanf(acknowledged.get(), "%d", &last), 1);

  ASSERT_EQ(::kill(daemon(), SIGTERM), 0);
  while (std::fscanf(acknowledged.get(), "%d", &last) == 1) {
  }
  ::waitpid(publisher, nullptr, 0);
  wait_for_end();
  ASSERT_EQ(mount(request()), 0) << complaint();

  for (int i = 0; i <= last; ++i) {
    EXPECT_EQ(text_of_file(mount_point() / "churn" / (std::to_string(i) + ".0") / "weights"), std::to_string(i));
  }
}

TEST_F(Daemon, RefusesAStoreThatAnotherServesAndNamesIt) {
  ASSERT_EQ(mount(request()), 0) << complaint();
  fs::create_directory(root_ / "m2");
  MountRequest second = request();
  second.mount_point = root_ / "m2";

  EXPECT_EQ(mount(second), 1);

  EXPECT_NE(complaint().find("pid " + std::to_string(daemon())), std::string::npos) << complaint();
}

TEST_F(Daemon, RefusesAMountPointThatIsOneAlreadyAndNamesItsStore) {
  ASSERT_EQ(mount(request()), 0) << complaint();

  EXPECT_EQ(mount(request()), 1);

  EXPECT_NE(complaint().find(store_.native()), std::string::npos) << complaint();
  EXPECT_NE(complaint().find("modelfs umount"), std::string::npos) << complaint();
}

TEST_F(Daemon, IsToldOfAMountOfOneThatIsStoppedAndHowToLetItGoOn) {
  ASSERT_EQ(mount(request()), 0) << complaint();
  ASSERT_EQ(::kill(daemon(), SIGSTOP), 0);

  EXPECT_EQ(mount(request()), 1);
  EXPECT_NE(complaint().find("kill -CONT " + std::to_string(daemon())), std::string::npos) << complaint();

  ASSERT_EQ(::kill(daemon(), SIGCONT), 0);
}

TEST_F(Daemon, TakesTheMountOfOneThatDiedAway) {
  ASSERT_EQ(mount(request()), 0) << complaint();
  fs::create_directory(mount_point() / "churn");
  ASSERT_EQ(::kill(daemon(), SIGKILL), 0);
  wait_for_end();

  ASSERT_EQ(mount(request()), 0) << complaint();

  EXPECT_NE(complaint().find("it was unmounted"), std::string::npos) << complaint();
  EXPECT_TRUE(fs::is_directory(mount_point() / "churn"));
  unmount();
  EXPECT_FALSE(is_mounted()) << "nothing lies beneath";
}

TEST_F(Daemon, NamesWhoHoldsTheMountOfOneThatDied) {
  ASSERT_EQ(mount(request()), 0) << complaint();
  fs::create_directory(mount_point() / "churn");
  File held(::open((mount_point() / "churn").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::kill(daemon(), SIGKILL), 0);
  wait_for_end();

  EXPECT_EQ(mount(request()), 1);
  EXPECT_NE(complaint().find("(pid " + std::to_string(::getpid()) + ") has "), std::string::npos) << complaint();

  held.reset();
  unmount();
  ASSERT_EQ(mount(request()), 0) << complaint();
  EXPECT_TRUE(fs::is_directory(mount_point() / "churn"));
}

// A process in a mount namespace of its own, as a container is, that has `from` bound at `to`; 0 where that is not
// allowed. It ends with the descriptor `life`.
pid_t start_container(const fs::path& from, const fs::path& to, const fs::path& mount_point, File& life) {
  std::array<int, 2> ready{};
  std::array<int, 2> lives{};
  EXPECT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
  EXPECT_EQ(::pipe2(lives.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(lives[1]);
    const bool has_it = ::unshare(CLONE_NEWNS) == 0 && ::mount("", "/", "", MS_PRIVATE | MS_REC, nullptr) == 0 &&
                        ::mount(from.c_str(), to.c_str(), "", MS_BIND, nullptr) == 0 &&
                        ::umount2(mount_point.c_str(), MNT_DETACH) == 0;
    char answer = has_it ? 'y' : 'n';
    if (::write(ready[1], &answer, 1) == 1) (void)::read(lives[0], &answer, 1);
    ::_exit(0);
  }
  ::close(lives[0]);
  ::close(ready[1]);
  life = File(lives[1]);
  char answer = 'n';
  EXPECT_EQ(::read(ready[0], &answer, 1), 1);
  ::close(ready[0]);
  if (answer == 'y') return child;
  ::waitpid(child, nullptr, 0);
  return 0;
}

TEST_F(Daemon, ThatAContainerUsesIsNotUnmountedUnlessLazily) {
  ASSERT_EQ(mount(request()), 0) << complaint();
  fs::create_directories(mount_point() / "churn/.stage/x");
  fs::rename(mount_point() / "churn/.stage/x", mount_point() / "churn/1.0");
  fs::create_directory(root_ / "inside");
  File life;
  const pid_t container = start_container(mount_point() / "churn/1.0", root_ / "inside", mount_point(), life);
  if (container == 0) GTEST_SKIP() << "no mount namespaces for this user";

  EXPECT_NE(command({"umount", mount_point()}), 0);

  EXPECT_NE(said().find("mount namespace"), std::string::npos) << said();
  EXPECT_NE(said().find("(pid " + std::to_string(container) + ")"), std::string::npos) << said();
  EXPECT_TRUE(is_mounted()) << "nothing was taken away while the store is held";
  EXPECT_EQ(command({"umount", "-l", mount_point()}), 0) << said();
  EXPECT_FALSE(is_mounted());
  EXPECT_NE(mount(request()), 0);
  EXPECT_NE(complaint().find("pid " + std::to_string(daemon())), std::string::npos) << complaint();
  life.reset();
  ::waitpid(container, nullptr, 0);
  wait_for_end();
  EXPECT_EQ(mount(request()), 0) << complaint();
}

TEST_F(Daemon, IsUnmountedAsUsualWhenTheContainerHasEnded) {
  ASSERT_EQ(mount(request()), 0) << complaint();
  fs::create_directory(mount_point() / "churn");
  fs::create_directory(root_ / "inside");
  File life;
  const pid_t container = start_container(mount_point() / "churn", root_ / "inside", mount_point(), life);
  if (container == 0) GTEST_SKIP() << "no mount namespaces for this user";
  life.reset();
  ::waitpid(container, nullptr, 0);

  EXPECT_EQ(command({"umount", mount_point()}), 0) << said();
}

TEST_F(Daemon, MountedReadOnlyChangesNothing) {
  ASSERT_EQ(mount(request()), 0) << complaint();
  fs::create_directory(mount_point() / "churn");
  unmount();
  wait_for_end();
  MountRequest read_only = request();
  read_only.read_only = true;

  ASSERT_EQ(mount(read_only), 0) << complaint();

  EXPECT_TRUE(fs::is_directory(mount_point() / "churn"));
  EXPECT_EQ(::mkdir((mount_point() / "other").c_str(), 0700), -1);
  EXPECT_EQ(errno, EROFS);
}

TEST_F(Daemon, MountedReadOnlyMakesNoStore) {
  MountRequest read_only = request();
  read_only.read_only = true;

  EXPECT_EQ(mount(read_only), 1);

  EXPECT_FALSE(fs::exists(store_));
}

TEST_F(Daemon, ShowsAStoreOfAnyNameAsTheSourceOfTheMount) {
  store_ = root_ / "a, \\b\n#c";

  ASSERT_EQ(mount(request()), 0) << complaint();

  const auto mounted = mounted_at(mount_point());
  ASSERT_TRUE(mounted.ok() && *mounted);
  EXPECT_EQ((*mounted)->source, store_.native());
  EXPECT_TRUE((*mounted)->is_ours());
}

TEST_F(Daemon, WithAVolatileStoreForgetsEverything) {
  MountRequest passing = request();
  passing.store.clear();
  passing.volatile_store = true;

  ASSERT_EQ(mount(passing), 0) << complaint();

  fs::create_directory(mount_point() / "churn");
  const std::string store = (*mounted_at(mount_point()))->source;
  EXPECT_TRUE(fs::exists(fs::path(store) / "control.sock")) << store;
  // The store is reached through the daemon (/proc/PID/fd/N), so it is gone when the daemon is.
  const auto pid = static_cast<pid_t>(std::stol(store.substr(std::string("/proc/").size())));
  const File daemon(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  ASSERT_TRUE(daemon.valid());
  unmount();
  pollfd end{daemon.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&end, 1, 10'000), 1) << "the daemon did not end within 10 s";
  EXPECT_FALSE(fs::exists(fs::path(store) / "catalog"));
}

}  // namespace
}  // namespace modelfs
