#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <system_error>

namespace modelfs {
namespace {

constexpr int kWorked = 1;
constexpr int kRefused = 2;

// What `body` returns in a process that may have `threads_max` threads, its own included.
int where_threads_are_few(rlim_t threads_max, const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit few{threads_max, threads_max};
    // A user of its own: the limit counts all processes of a user, and does not bind root.
    const uid_t user = 60'000 + static_cast<uid_t>(::getpid() % 5'000);
    if (::setrlimit(RLIMIT_NPROC, &few) != 0 || ::setresuid(user, user, user) != 0) ::_exit(0);
    ::_exit(body());
  }
  int outcome = 0;
  EXPECT_EQ(::waitpid(child, &outcome, 0), child);
  return WIFEXITED(outcome) ? WEXITSTATUS(outcome) : -1;
}

int use_a_pool() {
  try {
    std::atomic<int> done = 0;
    {
      ThreadPool pool("few", 8);
      for (int i = 0; i < 20; ++i) pool.submit([&done] { ++done; });
    }
    return done == 20 ? kWorked : -1;
  } catch (const std::system_error&) {
    return kRefused;
  }
}

TEST(ThreadPool, HasFewerThreadsWhereTheMachineAllowsFewer) {
  if (::geteuid() != 0) GTEST_SKIP() << "takes another user";
  EXPECT_EQ(where_threads_are_few(4, use_a_pool), kWorked);
}

TEST(ThreadPool, SaysSoWhereTheMachineAllowsNone) {
  if (::geteuid() != 0) GTEST_SKIP() << "takes another user";
  EXPECT_EQ(where_threads_are_few(1, use_a_pool), kRefused);
}

}  // namespace
}  // namespace modelfs
