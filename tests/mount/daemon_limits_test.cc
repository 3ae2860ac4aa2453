// A daemon under each signal setting and resource limit that a shell or a unit may give it: it works, or its mount is
// refused with a sentence; it never dies.
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <ostream>

#include "mount/daemon_fixture.h"

namespace modelfs {
namespace {

using DaemonLimits = DaemonTest;

struct Inherited {
  std::string name;
  std::function<void()> prepare;
  bool may_be_refused = false;  // too little to work with: then with a sentence
};
void PrintTo(const Inherited& inherited, std::ostream* out) { *out << inherited.name; }

std::function<void()> limit(decltype(RLIMIT_NOFILE) resource, rlim_t soft, rlim_t hard) {
  return [=] {
    const rlimit wanted{soft, hard};
    if (::setrlimit(resource, &wanted) != 0) ::_exit(99);
  };
}

std::function<void()> ignored(int number) {
  return [number] { std::signal(number, SIG_IGN); };
}

void block_every_signal() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
}

class DaemonInherits : public DaemonTest, public testing::WithParamInterface<Inherited> {};

TEST_P(DaemonInherits, AndWorksOrSaysWhyNot) {
  const int outcome = mount(request(), GetParam().prepare);

  if (outcome != 0 && GetParam().may_be_refused) {
    EXPECT_EQ(outcome, 1) << "it was killed: " << complaint();
    EXPECT_NE(complaint().find("modelfs: "), std::string::npos) << complaint();
    return;
  }
  ASSERT_EQ(outcome, 0) << complaint();
  fs::create_directory(mount_point() / "churn");
  fs::create_directories(mount_point() / "churn/.stage/x/deep/er");
  write_file(mount_point() / "churn/.stage/x/small", "bytes");
  write_file(mount_point() / "churn/.stage/x/deep/er/large", std::string(600'000, 'x'));
  fs::rename(mount_point() / "churn/.stage/x", mount_point() / "churn/1.0");
  EXPECT_EQ(text_of_file(mount_point() / "churn/1.0/small"), "bytes");
  EXPECT_EQ(text_of_file(mount_point() / "churn/1.0/deep/er/large").size(), 600'000u);
  EXPECT_FALSE(text_of_file(mount_point() / ".modelfs/status.json").empty());
  EXPECT_FALSE(text_of_file(mount_point() / "churn/1.0.tar.gz").empty());
  ASSERT_EQ(::kill(daemon(), SIGTERM), 0);
  wait_for_end();
  EXPECT_FALSE(is_mounted());
}

constexpr rlim_t kMib = 1 << 20;
constexpr rlim_t kSoft = RLIM_INFINITY;

INSTANTIATE_TEST_SUITE_P(
    Each, DaemonInherits,
    testing::Values(Inherited{"FileSize", limit(RLIMIT_FSIZE, kMib, kMib)},
                    Inherited{"SoftFileSize", limit(RLIMIT_FSIZE, 4096, kSoft)},
                    Inherited{"TinyFileSize", limit(RLIMIT_FSIZE, 8192, 8192), true},
                    Inherited{"Files256", limit(RLIMIT_NOFILE, 256, 256)},
                    Inherited{"Files64", limit(RLIMIT_NOFILE, 64, 64)},
                    Inherited{"Files24", limit(RLIMIT_NOFILE, 24, 24), true},
                    Inherited{"SoftAddressSpace", limit(RLIMIT_AS, 256 * kMib, kSoft)},
                    Inherited{"AddressSpace", limit(RLIMIT_AS, 128 * kMib, 128 * kMib), true},
                    Inherited{"Data", limit(RLIMIT_DATA, 128 * kMib, 128 * kMib), true},
                    Inherited{"Threads", limit(RLIMIT_NPROC, 0, 0), true}, Inherited{"Core", limit(RLIMIT_CORE, 0, 0)},
                    Inherited{"SmallStack", limit(RLIMIT_STACK, 128 << 10, kSoft)},
                    Inherited{"HardSmallStack", limit(RLIMIT_STACK, 128 << 10, 128 << 10)},
                    Inherited{"EndlessStack", limit(RLIMIT_STACK, RLIM_INFINITY, kSoft)},
                    Inherited{"NoLockedMemory", limit(RLIMIT_MEMLOCK, 0, 0)},
                    Inherited{"NoQueuedSignals", limit(RLIMIT_SIGPENDING, 0, 0)},
                    Inherited{"SoftProcessorTime", limit(RLIMIT_CPU, 1, kSoft)},
                    Inherited{"IgnoredChildren", ignored(SIGCHLD)}, Inherited{"IgnoredHangUp", ignored(SIGHUP)},
                    Inherited{"IgnoredEnd", ignored(SIGTERM)}, Inherited{"IgnoredWake", ignored(SIGUSR1)},
                    Inherited{"BlockedSignals", block_every_signal}),
    [](const auto& each) { return each.param.name; });

TEST_F(DaemonLimits, ThatLeaveNoRoomForTheCatalogAreNamedAndNothingIsMounted) {
  EXPECT_EQ(mount(request(), limit(RLIMIT_FSIZE, kMib - 1, kMib - 1)), 1);
  EXPECT_NE(complaint().find("ulimit -f"), std::string::npos) << complaint();
  EXPECT_EQ(mount(request(), limit(RLIMIT_NOFILE, 63, 63)), 1);
  EXPECT_NE(complaint().find("ulimit -n"), std::string::npos) << complaint();

  EXPECT_FALSE(is_mounted());
  EXPECT_EQ(mount(request()), 0) << complaint();
}

TEST_F(DaemonLimits, WhatIsLargerThanTheFileSizeLimitIsRefusedAndTheMountLives) {
  ASSERT_EQ(mount(request(), limit(RLIMIT_FSIZE, kMib, kMib)), 0) << complaint();
  EXPECT_NE(complaint().find("LimitFSIZE="), std::string::npos) << complaint();
  fs::create_directory(mount_point() / "churn");
  write_file(mount_point() / "churn/.stage/small", "bytes");

  const File large(::open((mount_point() / "churn/.stage/large").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string half(kMib / 2, 'x');
  EXPECT_EQ(::pwrite(large.fd(), half.data(), half.size(), 0), static_cast<ssize_t>(half.size()));
  EXPECT_EQ(::pwrite(large.fd(), half.data(), half.size(), kMib / 2), static_cast<ssize_t>(half.size()));
  EXPECT_EQ(::pwrite(large.fd(), half.data(), 1, kMib), -1);
  EXPECT_EQ(errno, EFBIG);
  EXPECT_EQ(::ftruncate(large.fd(), kMib + 1), -1);
  EXPECT_EQ(errno, EFBIG);

  EXPECT_EQ(text_of_file(mount_point() / "churn/.stage/small"), "bytes");
}

TEST_F(DaemonLimits, OneUserWhoTakesAllDescriptorsHearsEnfileAndTheOthersGoOn) {
  constexpr rlim_t kFiles = 256;
  ASSERT_EQ(mount(request(), limit(RLIMIT_NOFILE, kFiles, kFiles)), 0) << complaint();
  fs::create_directories(mount_point() / "churn/.stage/x");
  write_file(mount_point() / "churn/.stage/x/f", std::string(100'000, 'x'));
  std::vector<File> held;
  int error = 0;
  while (error == 0 && held.size() <= kFiles) {
    const fs::path path = mount_point() / ("churn/.stage/held-" + std::to_string(held.size()));
    File file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    error = file.valid() ? 0 : errno;
    if (file.valid()) held.push_back(std::move(file));
  }

  EXPECT_EQ(error, ENFILE);
  EXPECT_EQ(held.size(), kFiles / 2) << "the other half is the daemon's own";
  // Files that were opened are written, published and told of as ever.
  EXPECT_EQ(::pwrite(held.front().fd(), "bytes", 5, 0), 5);
  EXPECT_EQ(::rename((mount_point() / "churn/.stage/x").c_str(), (mount_point() / "churn/1.0").c_str()), 0);
  EXPECT_EQ(command({"ls", mount_point() / "churn"}), 0) << said();
  EXPECT_FALSE(text_of_file(mount_point() / ".modelfs/status.json").empty());
  held.pop_back();
  EXPECT_EQ(text_of_file(mount_point() / "churn/1.0/f").size(), 100'000u) << "one is free again";
}

}  // namespace
}  // namespace modelfs
