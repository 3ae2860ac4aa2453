#include "drafts/ino_allocator.h"

#include "catalog/keys.h"

namespace modelfs {

Result<Ino> InoAllocator::take(std::uint64_t count) {
  const MutexLock lock(mutex_);
  if (next_ + count > limit_) {
    if (Status status = reserve(); !status.ok()) return status;
  }
  const Ino first{next_};
  next_ += count;
  return first;
}

Ino InoAllocator::take_passing() {
  if (const auto taken = take(); taken.ok()) return *taken;
  const MutexLock lock(mutex_);
  return Ino{next_passing_++};
}

Status InoAllocator::reserve() {
  const auto stored = keys_.get(keys::kNextIno);
  if (!stored.ok() && stored.code() != Code::NotFound) return stored.status();
  std::uint64_t start = kFirstFreeIno;
  if (stored.ok()) {
    const auto number = parse_be64(*stored);
    if (!number.ok()) return {Code::Corrupt, "the inode counter is damaged"};
    start = *number;
  }
  Batch batch;
  batch.put(keys::kNextIno, be64(start + kReserveCount));
  // Why Buffered suffices: whatever uses a number is stored after this in the same log, so it cannot outlive it.
  if (Status status = keys_.commit(batch, Durability::Buffered, SpaceNeed::Reclaims); !status.ok()) return status;
  next_ = start;  // a rest that is too small for a row is dropped: there are 2^64 numbers
  limit_ = start + kReserveCount;
  return {};
}

}  // namespace modelfs
