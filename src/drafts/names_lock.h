// The lock of the drafts' names and attributes, and what it guards beside their keys: who is frozen, and who is dead.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <unordered_set>

#include "base/mutex.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Safe for concurrent use. It is held across buffered commits, never across reading or writing a file's bytes, except
// when a host file that is also a blob's gets bytes of its own. Its place among the locks is in src/README.md.
class NamesLock {
 public:
  // Holds the lock as long as it lives. A function that takes one as an argument is called with the lock held.
  class Held {
   public:
    explicit Held(NamesLock& names);
    ~Held();
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

    // Busy: one of `inos` is being published. Immutable: it was published.
    Status check_unfrozen(std::initializer_list<Ino> inos) const;
    // From now on nobody changes `ino`, what is named in it, or its bytes.
    void freeze(Ino ino) const;
    void unfreeze(Ino ino) const;
    // It was published, and is not swept yet.
    void mark_dead(Ino ino) const;
    // It is swept.
    void forget_dead(Ino ino) const;

   private:
    NamesLock& names_;
  };

  // True for the inodes of a draft that was published and is not swept yet.
  bool is_dead(Ino ino) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::unordered_set<std::uint64_t> frozen_ GUARDED_BY(mutex_);
  std::unordered_set<std::uint64_t> dead_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
