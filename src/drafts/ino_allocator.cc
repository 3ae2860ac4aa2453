#include "drafts/ino_allocator.h"

#include <algorithm>

#include "base/log.h"
#include "catalog/ino_bits.h"
#include "catalog/keys.h"

namespace modelfs {
namespace {

// The first number of the next writer.
std::uint64_t end_of_writer(std::uint64_t number) { return ((number >> kInoCounterBits) + 1) << kInoCounterBits; }

Status used_up() {
  return {Code::NoSpace, "all " + std::to_string(kInosPerWriter) +
                             " inode numbers of this store have been given out: what is published can still be read; "
                             "`modelfs export` it, and go on in a new store"};
}

}  // namespace

InoAllocator::~InoAllocator() {
  const MutexLock lock(mutex_);
  if (next_ == limit_) return;
  Batch batch;
  batch.expect(keys::kNextIno, be64(limit_));
  batch.put(keys::kNextIno, be64(next_));
  const Status status = keys_.commit(batch, Durability::Buffered, SpaceNeed::Reclaims);
  if (!status.ok()) log::debug("{} inode numbers are skipped: {}", limit_ - next_, status.message());
}

Result<Ino> InoAllocator::take(std::uint64_t count) {
  const MutexLock lock(mutex_);
  if (next_ + count > limit_) {
    if (Status status = reserve(count); !status.ok()) return status;
  }
  const Ino first{next_};
  next_ += count;
  return first;
}

Status InoAllocator::reserve(std::uint64_t count) {
  const auto stored = keys_.get(keys::kNextIno);
  if (!stored.ok() && stored.code() != Code::NotFound) return stored.status();
  std::uint64_t start = kFirstFreeIno;
  if (stored.ok()) {
    const auto number = parse_be64(*stored);
    if (!number.ok() || *number < kFirstFreeIno) return {Code::Corrupt, "the inode counter is damaged"};
    start = *number;
  }
  // Nobody else takes numbers, so these follow on those that are left.
  const std::uint64_t first = limit_ == start && next_ != 0 ? next_ : start;
  // The counter stands at the first number of another writer when the last number was reserved.
  const std::uint64_t end = end_of_writer(start - 1);
  const std::uint64_t limit = std::min(end, start + reserves_);
  if (first + count > limit) return used_up();
  Batch batch;
  batch.put(keys::kNextIno, be64(limit));
  // Why Buffered suffices: whatever uses a number is stored after this in the same log, so it cannot outlive it.
  if (Status status = keys_.commit(batch, Durability::Buffered, SpaceNeed::Reclaims); !status.ok()) return status;
  next_ = first;
  limit_ = limit;
  reserves_ = std::min(reserves_ * 2, kReserveMost);
  return {};
}

}  // namespace modelfs
