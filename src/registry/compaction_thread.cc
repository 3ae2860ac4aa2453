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

CompactionThread::CompactionThread(Compact compact) : compact_(std::move(compact)), thread_([this] { run(); }) {}

CompactionThread::~CompactionThread() {
  stop();
  thread_.join();
}

void CompactionThread::wake() {
  const MutexLock lock(mutex_);
  woken_ = true;
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
  while (!stopping_) {
    {
      const MutexLock lock(mutex_);
      while (!woken_ && !stopping_) wake_.wait(mutex_);
      woken_ = false;
    }
    if (stopping_) return;
    if (Status status = compact_(stopping_); !status.ok() && status.code() != Code::Interrupted) {
      log::warn("archives are examined at the next start: {}", status.message());
    }
  }
}

}  // namespace modelfs
