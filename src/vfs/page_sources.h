// From which host file the kernel's pages of a node come, where the daemon serves them.
#pragma once
#include <cstdint>
#include <unordered_map>

#include "base/mutex.h"
#include "base/types.h"

namespace modelfs {

// Safe for concurrent use. One entry for each node that was opened and that the kernel still knows.
//
// Why: a blob never changes, but a damaged one is replaced by another file with the right bytes. The kernel would go on
// serving the wrong ones from its pages. An open that does not keep them drops them, also for all other opens of the
// node; and unlike an invalidation it never waits for a page that a request which we are answering holds.
class PageSources {
 public:
  // False: the pages of `ino` come from another file than `descriptor`, which they come from after this open.
  bool stay(Ino ino, int descriptor) EXCLUDES(mutex_);
  // The kernel knows the node no more.
  void forget(Ino ino) EXCLUDES(mutex_);
  bool empty() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;                                                          // leaf lock
  std::unordered_map<std::uint64_t, std::uint64_t> sources_ GUARDED_BY(mutex_);  // the host's inode, by node
};

}  // namespace modelfs
