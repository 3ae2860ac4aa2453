// How each open node is read: decided by its first open, kept until its last close.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/types.h"
#include "vfs/kernel_reads.h"

namespace modelfs {

// Safe for concurrent use.
//
// Why sticky: all opens of a node that are there at one time are read by the kernel from the same file, or all are
// served by the daemon; the kernel answers EIO to an open that differs. So a draft that is open when it is published is
// served by the daemon until its last close. Source: fs/fuse/iomode.c of Linux, fuse_file_io_open().
//
// A node that is opened only for writing is direct until its last close, for all opens meanwhile: the kernel keeps no
// pages of it. So what is written is copied once less and needs no GETXATTR, and no process sees an old page.
class OpenNodes {
 public:
  // One open of a node; ends with this.
  class Open {
   public:
    Open(OpenNodes& nodes, Ino ino, Backing backing, bool is_direct)
        : nodes_(nodes), ino_(ino), backing_(backing), is_direct_(is_direct) {}
    ~Open() { nodes_.close(ino_); }
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;
    Backing backing() const { return backing_; }
    bool is_direct() const { return is_direct_; }

   private:
    OpenNodes& nodes_;
    const Ino ino_;
    const Backing backing_;
    const bool is_direct_;
  };
  struct Figures {
    std::uint64_t by_kernel = 0;  // opens since the mount that the kernel reads by itself
    std::uint64_t by_daemon = 0;  // and those that it does not
    std::size_t lent = 0;         // files that the kernel has now
  };

  // `kernel`: null where only the daemon can read. Outlives this.
  explicit OpenNodes(KernelReads* kernel) : kernel_(kernel) {}

  // Counts an open. `descriptor`: of a plain file with the node's bytes, which never change. Both count for the first
  // open of a node only.
  std::unique_ptr<const Open> open(Ino ino, std::optional<int> descriptor, bool only_writes = false) EXCLUDES(mutex_);
  // The same of a document, which only the daemon can read: no figure counts it.
  std::unique_ptr<const Open> open_document(Ino ino) EXCLUDES(mutex_);
  // Nothing if the node is not open.
  std::optional<Backing> find(Ino ino) const EXCLUDES(mutex_);
  // Those that are open.
  std::vector<Ino> all() const EXCLUDES(mutex_);
  // How files are read that the kernel can read itself.
  ReadMode mode() const;
  Figures figures() const EXCLUDES(mutex_);

 private:
  struct Node {
    Backing backing = kNoBacking;
    bool is_direct = false;
    std::uint64_t opens = 0;
  };
  // Counts an open of a node that is open, or that `first` opens. What all of its opens have, without their number.
  std::optional<Node> join(Ino ino, std::optional<Node> first) EXCLUDES(mutex_);
  void count(const Node& opened) EXCLUDES(mutex_);
  void close(Ino ino) EXCLUDES(mutex_);

  KernelReads* const kernel_;
  mutable Mutex mutex_;  // leaf lock: not held while the kernel is asked
  std::unordered_map<std::uint64_t, Node> nodes_ GUARDED_BY(mutex_);
  Figures figures_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
