// Which process has last done something to a draft: a bounded table.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "base/lru_cache.h"
#include "base/mutex.h"
#include "base/types.h"
#include "os/proc.h"

namespace modelfs {

// Safe for concurrent use. When it is full, the oldest entry goes of whose process nothing is left; where all live, the
// oldest.
class ProcessTable {
 public:
  explicit ProcessTable(std::size_t max, std::function<bool(pid_t)> is_alive = modelfs::is_alive)
      : is_alive_(std::move(is_alive)), processes_(max) {}

  void put(Ino draft, pid_t process) EXCLUDES(mutex_);
  // nullopt: it is not in the table.
  std::optional<pid_t> find(Ino draft) const EXCLUDES(mutex_);
  // The same, and it is not in the table any more.
  std::optional<pid_t> take(Ino draft) EXCLUDES(mutex_);
  // Another process than `process`, which still lives, is there for `draft`.
  bool is_anothers(Ino draft, pid_t process) const EXCLUDES(mutex_);

 private:
  const std::function<bool(pid_t)> is_alive_;
  mutable Mutex mutex_;  // leaf lock
  mutable LruCache<std::uint64_t, pid_t> processes_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
