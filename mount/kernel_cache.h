// Invalidates what the kernel has cached.
#pragma once
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#include <atomic>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/thread_pool.h"
#include "mount/entry_invalidator.h"
#include "vfs/file_system.h"

namespace modelfs {

// Safe for concurrent use. Does nothing until it is connected, and again when it is disconnected.
class KernelCacheNotifier final : public KernelCache {
 public:
  // How long invalidate_entry_later() waits for what it has begun.
  static constexpr int kForgetWaitMs = 100;

  // `forgetter` outlives it. When that cannot tell the kernel, the daemon does it itself; a daemon that is killed in
  // the middle of it may leave a mount that hangs until `modelfs umount`.
  explicit KernelCacheNotifier(EntryInvalidator& forgetter) : forgetter_(forgetter) {}

  void connect(fuse_session* session) { session_ = session; }
  // Ends what invalidate_entry_later() has begun, and begins nothing more. While requests are still answered.
  void finish() EXCLUDES(mutex_);
  void disconnect() { session_ = nullptr; }

  void invalidate_attributes(Ino ino) override;
  void invalidate_entry(Ino directory, const std::string& name) override;
  void invalidate_entry_later(Ino directory, const std::string& name, Wait wait) override EXCLUDES(mutex_);

 private:
  EntryInvalidator& forgetter_;
  std::atomic<fuse_session*> session_ = nullptr;
  std::atomic<bool> has_complained_ = false;
  Mutex mutex_;  // not held while the kernel is told
  bool is_finished_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<ThreadPool> behind_ GUARDED_BY(mutex_);  // made when it is first needed
};

}  // namespace modelfs
