// Hands out inode numbers that were never given out before, across restarts and crashes.
#pragma once
#include "base/mutex.h"
#include "base/types.h"
#include "store/key_value_store.h"

namespace modelfs {

// Safe for concurrent use. Its counter, keys::kNextIno, holds a whole number, writer included: it goes on in the
// numbers of that writer, and ends with them.
class InoAllocator {
 public:
  // Numbers reserved at once: a crash skips at most so many. Each reservation is twice the one before, so that a
  // command that makes a few files skips few, and a busy mount seldom stores the counter.
  static constexpr std::uint64_t kReserveFirst = 1024;
  static constexpr std::uint64_t kReserveMost = 65536;

  explicit InoAllocator(KeyValueStore& keys) : keys_(keys) {}
  // Gives back what is left of the last reservation.
  ~InoAllocator();
  InoAllocator(const InoAllocator&) = delete;
  InoAllocator& operator=(const InoAllocator&) = delete;

  // The first of `count` numbers in a row (1 … kReserveFirst). NoSpace: its writer has given out all kInosPerWriter, or
  // the reservation could not be stored. Corrupt, IoError: nor could it.
  Result<Ino> take(std::uint64_t count = 1) EXCLUDES(mutex_);

 private:
  Status reserve(std::uint64_t count) REQUIRES(mutex_);

  KeyValueStore& keys_;
  Mutex mutex_;
  std::uint64_t reserves_ GUARDED_BY(mutex_) = kReserveFirst;
  std::uint64_t next_ GUARDED_BY(mutex_) = 0;   // 0: nothing reserved yet
  std::uint64_t limit_ GUARDED_BY(mutex_) = 0;  // the first number that is not reserved
};

}  // namespace modelfs
