#include "os/proc.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace modelfs {
namespace {

TEST(PendingKill, IsToldFromOtherSignals) {
  const char* const kill = "Name:\tcp\nThreads:\t1\nSigPnd:\t0000000000000100\nShdPnd:\t0000000000000000\n";
  const char* const shared = "Name:\tcp\nThreads:\t1\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000100\n";
  const char* const urgent = "Name:\tcp\nThreads:\t1\nSigPnd:\t0000000000400000\nShdPnd:\t0000000000400000\n";

  EXPECT_TRUE(shows_pending_kill(kill));
  EXPECT_TRUE(shows_pending_kill(shared));
  EXPECT_FALSE(shows_pending_kill(urgent)) << "the runtime of Go sends SIGURG all the time";
  EXPECT_FALSE(shows_pending_kill(""));
}

TEST(Killed, IsNobodyWhoRunsOrIsUnknown) {
  EXPECT_FALSE(is_killed(::gettid()));
  EXPECT_FALSE(is_killed(0));
  EXPECT_FALSE(is_killed(-1));
}

TEST(Killed, IsNobodyWhoWaitsForABlockedSignal) {
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &term, nullptr), 0);
  ASSERT_EQ(::pthread_kill(::pthread_self(), SIGTERM), 0);

  EXPECT_FALSE(is_killed(::gettid()));

  int taken = 0;
  ASSERT_EQ(::sigwait(&term, &taken), 0);
  ASSERT_EQ(::pthread_sigmask(SIG_UNBLOCK, &term, nullptr), 0);
}

}  // namespace
}  // namespace modelfs
