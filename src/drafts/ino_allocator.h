// Hands out inode numbers that were never given out before, across restarts and crashes.
#pragma once
#include "base/mutex.h"
#include "base/types.h"
#include "store/key_value_store.h"

namespace modelfs {

// Safe for concurrent use.
class InoAllocator {
 public:
  // Numbers reserved at once: a crash skips at most so many.
  static constexpr std::uint64_t kReserveCount = 65536;
  // Numbers that no reservation reaches, below the blocks of in_block().
  static constexpr std::uint64_t kPassingFirst = std::uint64_t{1} << 48;

  explicit InoAllocator(KeyValueStore& keys) : keys_(keys) {}

  // The first of `count` numbers in a row (1 … kReserveCount). NoSpace, IoError: the reservation could not be stored.
  Result<Ino> take(std::uint64_t count = 1);
  // One for what is not stored, never given out before by this process. Also where no reservation can be stored.
  Ino take_passing();

 private:
  Status reserve() REQUIRES(mutex_);

  KeyValueStore& keys_;
  Mutex mutex_;
  std::uint64_t next_ GUARDED_BY(mutex_) = 0;   // 0: nothing reserved yet
  std::uint64_t limit_ GUARDED_BY(mutex_) = 0;  // the first number that is not reserved
  std::uint64_t next_passing_ GUARDED_BY(mutex_) = kPassingFirst;
};

}  // namespace modelfs
