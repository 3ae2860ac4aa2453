#include "drafts/names_lock.h"

// That the lock is held here is said by the type, which clang cannot see.
#define BY_TYPE MODELFS_TSA(no_thread_safety_analysis)

namespace modelfs {

BY_TYPE NamesLock::Held::Held(NamesLock& names) : names_(names) { names_.mutex_.lock(); }

BY_TYPE NamesLock::Held::~Held() { names_.mutex_.unlock(); }

BY_TYPE Status NamesLock::Held::check_unfrozen(std::initializer_list<Ino> inos) const {
  if (names_.frozen_.empty() && names_.dead_.empty()) return {};
  for (const Ino ino : inos) {
    if (names_.dead_.contains(raw(ino))) return {Code::Immutable, "it was published a moment ago"};
    if (names_.frozen_.contains(raw(ino))) {
      return {Code::Busy, "it is being published; try again when that has ended"};
    }
  }
  return {};
}

BY_TYPE void NamesLock::Held::freeze(Ino ino) const { names_.frozen_.insert(raw(ino)); }

BY_TYPE void NamesLock::Held::unfreeze(Ino ino) const { names_.frozen_.erase(raw(ino)); }

BY_TYPE void NamesLock::Held::mark_dead(Ino ino) const { names_.dead_.insert(raw(ino)); }

BY_TYPE void NamesLock::Held::forget_dead(Ino ino) const { names_.dead_.erase(raw(ino)); }

bool NamesLock::is_dead(Ino ino) {
  const MutexLock lock(mutex_);
  return dead_.contains(raw(ino));
}

}  // namespace modelfs
