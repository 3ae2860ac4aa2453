// Tells the kernel what it has cached wrongly.
#pragma once
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#include <atomic>
#include <string>

#include "vfs/file_system.h"

namespace modelfs {

// Safe for concurrent use. Says nothing until it is connected, and again when it is disconnected.
class KernelNotifier final : public KernelCache {
 public:
  void connect(fuse_session* session) { session_ = session; }
  void disconnect() { session_ = nullptr; }

  void invalidate_attributes(Ino ino) override {
    fuse_session* const session = session_;
    if (session == nullptr) return;
    // Offset -1: attributes only. Takes no lock that a request in our hands could hold, so it is safe in one:
    // measured on Linux 6.18. Why the result does not matter: it fails when the kernel does not know the node, or is
    // gone.
    fuse_lowlevel_notify_inval_inode(session, raw(ino), -1, 0);
  }

  void forget_name(Ino directory, const std::string& name) override {
    fuse_session* const session = session_;
    if (session == nullptr) return;
    fuse_lowlevel_notify_inval_entry(session, raw(directory), name.data(), name.size());
  }

 private:
  std::atomic<fuse_session*> session_ = nullptr;
};

}  // namespace modelfs
