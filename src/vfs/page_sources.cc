#include "vfs/page_sources.h"

#include <sys/stat.h>

namespace modelfs {

bool PageSources::stay(Ino ino, int descriptor) {
  struct stat info {};
  if (::fstat(descriptor, &info) != 0) return false;
  const MutexLock lock(mutex_);
  // What is not known was never opened, or a draft with these bytes.
  const auto [found, is_new] = sources_.try_emplace(raw(ino), info.st_ino);
  const bool same = is_new || found->second == info.st_ino;
  found->second = info.st_ino;
  return same;
}

void PageSources::forget(Ino ino) {
  const MutexLock lock(mutex_);
  sources_.erase(raw(ino));
}

bool PageSources::empty() const {
  const MutexLock lock(mutex_);
  return sources_.empty();
}

}  // namespace modelfs
