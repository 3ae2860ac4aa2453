#include "registry/compaction_thread.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

namespace modelfs {
namespace {

constexpr int kLowestPriority = 19;
// Source: linux/ioprio.h, which Debian's headers keep from programs: class idle, of this thread.
constexpr int kIoprioWhoProcess = 1;
constexpr int kIoprioClassIdle = 3 << 13;

void become_idle() {
  // Why not SCHED_IDLE: on a busy machine its threads stand still, and the end of the daemon would wait for this one.
  // If either is refused, it works at the usual priority.
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kLowestPriority);
  (void)::syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kIoprioClassIdle);
}

}  // namespace

CompactionThread::CompactionThread(Work work) : work_(std::move(work)), thread_([this] { run(); }) {}

CompactionThread::~CompactionThread() {
  stop();
  thread_.join();
}

void CompactionThread::wake(Ino container) {
  const MutexLock lock(mutex_);
  came_.push_back(container);
  wake_.notify_all();
}

void CompactionThread::stop() {
  stopping_ = true;
  // It ends at its next step, which on a busy machine it would hardly reach at its priority. Users may not raise it.
  if (const pid_t thread = thread_id_; thread != 0) (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(thread), 0);
  const MutexLock lock(mutex_);
  wake_.notify_all();
}

void CompactionThread::run() {
  (void)::pthread_setname_np(::pthread_self(), "compact");
  become_idle();
  thread_id_ = ::gettid();
  const auto warn = [](const Status& status) {
    if (!status.ok() && status.code() != Code::Interrupted) {
      log::warn("archives are examined at the next start: {}", status.message());
    }
  };
  warn(work_.all(stopping_));
  while (!stopping_) {
    rest();
    std::vector<Ino> some;
    {
      const MutexLock lock(mutex_);
      while (came_.empty() && !stopping_) wake_.wait(mutex_);
      some.swap(came_);
    }
    if (!stopping_) warn(work_.some(some, stopping_));
  }
}

void CompactionThread::rest() {
  const auto until = std::chrono::steady_clock::now() + kRest;
  const MutexLock lock(mutex_);
  for (auto at = std::chrono::steady_clock::now(); at < until && !stopping_; at = std::chrono::steady_clock::now()) {
    wake_.wait_for(mutex_, until - at);
  }
}

}  // namespace modelfs
