#include "mount/kernel_cache.h"

#include <chrono>
#include <future>

#include "base/log.h"

namespace modelfs {
void KernelCacheNotifier::finish() {
  std::unique_ptr<ThreadPool> ending;
  const MutexLock lock(mutex_);
  is_finished_ = true;
  ending = std::move(behind_);
}

void KernelCacheNotifier::invalidate_attributes(Ino ino) {
  fuse_session* const session = session_;
  if (session == nullptr) return;
  // Offset -1: attributes only. Takes no lock that a request which we are answering could hold, so it may be called
  // while answering one: measured on Linux 6.18. Answers to older requests do not count afterwards
  // (fuse_reverse_inval_inode of fs/fuse/inode.c). Why the result does not matter: it fails when the kernel does not
  // know the node, or is gone.
  fuse_lowlevel_notify_inval_inode(session, raw(ino), -1, 0);
}

void KernelCacheNotifier::invalidate_entry(Ino directory, const std::string& name) {
  fuse_session* const session = session_;
  if (session == nullptr) return;
  const Status told = forgetter_.forget(fuse_session_fd(session), directory, name);
  if (told.ok()) return;
  if (!has_complained_.exchange(true))
    log::warn("no second process to tell the kernel of removed names; the daemon does it itself: {}", told.message());
  fuse_lowlevel_notify_inval_entry(session, raw(directory), name.data(), name.size());
}

// The kernel takes the lock of `directory`, which may be held by a process that waits for the answer to another
// request, possibly ours. So this request must not wait without bound; the kernel is told all the same.
void KernelCacheNotifier::invalidate_entry_later(Ino directory, const std::string& name, Wait wait) {
  const auto done = std::make_shared<std::promise<void>>();
  {
    const MutexLock lock(mutex_);
    if (is_finished_) return;
    if (!behind_) behind_ = std::make_unique<ThreadPool>("forget", 1);
    behind_->submit([this, directory, name, done] {
      invalidate_entry(directory, name);
      done->set_value();
    });
  }
  if (wait == Wait::Briefly) done->get_future().wait_for(std::chrono::milliseconds(kForgetWaitMs));
}

}  // namespace modelfs
