#include "mount/kernel_notifier.h"

#include <chrono>

namespace modelfs {
namespace {

// Something that is done once, and waited for with a bound.
class Done {
 public:
  void set() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    is_set_ = true;
    changed_.notify_all();
  }
  void wait(std::chrono::milliseconds limit) EXCLUDES(mutex_) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    const MutexLock lock(mutex_);
    while (!is_set_) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= left.zero() || !changed_.wait_for(mutex_, left)) return;
    }
  }

 private:
  Mutex mutex_;  // leaf lock
  Condition changed_;
  bool is_set_ GUARDED_BY(mutex_) = false;
};

}  // namespace

void KernelNotifier::finish() {
  std::unique_ptr<ThreadPool> ending;
  const MutexLock lock(mutex_);
  is_finished_ = true;
  ending = std::move(behind_);
}

void KernelNotifier::invalidate_attributes(Ino ino) {
  fuse_session* const session = session_;
  if (session == nullptr) return;
  // Offset -1: attributes only. Takes no lock that a request in our hands could hold, so it is safe in one: measured on
  // Linux 6.18. Answers to older requests do not count afterwards (fuse_reverse_inval_inode of fs/fuse/inode.c). Why
  // the result does not matter: it fails when the kernel does not know the node, or is gone.
  fuse_lowlevel_notify_inval_inode(session, raw(ino), -1, 0);
}

void KernelNotifier::forget_name(Ino directory, const std::string& name) {
  fuse_session* const session = session_;
  if (session == nullptr) return;
  fuse_lowlevel_notify_inval_entry(session, raw(directory), name.data(), name.size());
}

// The kernel takes the lock of `directory`, which a process may hold that waits for the answer to another request, in
// the end even to ours. So ours does not wait for ever; the kernel is told all the same.
void KernelNotifier::forget_name_behind(Ino directory, const std::string& name, Wait wait) {
  const auto done = std::make_shared<Done>();
  {
    const MutexLock lock(mutex_);
    if (is_finished_) return;
    if (!behind_) behind_ = std::make_unique<ThreadPool>("forget", 1);
    behind_->submit([this, directory, name, done] {
      forget_name(directory, name);
      done->set();
    });
  }
  if (wait == Wait::Briefly) done->wait(std::chrono::milliseconds(kForgetWaitMs));
}

}  // namespace modelfs
