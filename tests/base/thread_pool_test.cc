#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <system_error>

#include "base/mutex.h"

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

// Lets work wait until it is opened.
class Gate {
 public:
  void open() {
    const MutexLock lock(mutex_);
    is_open_ = true;
    opened_.notify_all();
  }
  void pass() {
    const MutexLock lock(mutex_);
    while (!is_open_) opened_.wait(mutex_);
  }

 private:
  Mutex mutex_;
  Condition opened_;
  bool is_open_ GUARDED_BY(mutex_) = false;
};

TEST(ThreadPool, LetsOwnersTakeTurns) {
  Gate gate;
  std::string order;
  {
    ThreadPool pool("turns", 1);
    pool.submit([&] { gate.pass(); });
    for (int i = 0; i < 4; ++i) pool.submit([&] { order += 'a'; }, 1);
    for (int i = 0; i < 2; ++i) pool.submit([&] { order += 'b'; }, 2);
    pool.submit([&] { order += 'c'; }, 3);
    gate.open();
  }

  EXPECT_EQ(order, "abcabaa");
}

TEST(ThreadPool, KeepsThreadsForOthersThanOneOwner) {
  constexpr unsigned kPerOwnerMax = 2;
  constexpr int kCount = 6;
  Gate gate;
  Gate other_ran;
  std::atomic<unsigned> running = 0;
  std::atomic<unsigned> most = 0;
  std::atomic<int> done = 0;
  {
    ThreadPool pool("kept", 4, kPerOwnerMax);
    for (int i = 0; i < kCount; ++i) {
      pool.submit(
          [&] {
            const unsigned now = ++running;
            unsigned before = most;
            while (before < now && !most.compare_exchange_weak(before, now)) continue;
            gate.pass();
            --running;
            ++done;
          },
          1);
    }
    pool.submit([&] { other_ran.open(); }, 2);
    other_ran.pass();
    EXPECT_EQ(done, 0) << "the other one waited for nobody";
    gate.open();
  }

  EXPECT_EQ(most, kPerOwnerMax);
  EXPECT_EQ(done, kCount) << "what is queued at the end is run";
}

TEST(ThreadPool, RunsWhatIsSubmittedWhileItEnds) {
  constexpr int kCount = 100;
  std::atomic<int> done = 0;
  {
    std::function<void()> next;  // outlives the pool
    ThreadPool pool("ends", 2, 1);
    next = [&] {
      if (++done < kCount) pool.submit(next, 7);
    };
    pool.submit(next, 7);
  }

  EXPECT_EQ(done, kCount);
}

}  // namespace
}  // namespace modelfs
