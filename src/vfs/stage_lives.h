// How often each domain's `.stage` was removed. It is there again at once, under the same number.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/mutex.h"

namespace modelfs {

// Why it is counted: the kernel lets nothing be made in a directory that was removed, for as long as any process has it
// open. With another generation of the number it takes what it finds for another directory. Safe for concurrent use.
class StageLives {
 public:
  std::uint64_t of(const std::string& domain) const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const auto found = removed_.find(domain);
    return found == removed_.end() ? 0 : found->second;
  }
  void stage_removed(const std::string& domain) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    ++removed_[domain];
  }
  // The next domain of that name has other numbers.
  void domain_removed(const std::string& domain) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    removed_.erase(domain);
  }

 private:
  mutable Mutex mutex_;  // leaf lock
  std::unordered_map<std::string, std::uint64_t> removed_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
