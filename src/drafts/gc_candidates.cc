#include "drafts/gc_candidates.h"

#include <utility>

#include "catalog/records.h"

namespace modelfs {

void GcCandidates::note(const DraftRecord& record) {
  if (!record.borrows_whole()) return;
  const std::uint64_t size_bytes = record.blob->size_bytes;
  if (size_bytes == 0 || size_bytes > kInlineBlobBytesMax) return;
  const MutexLock lock(mutex_);
  if (sizes_.size() >= kCountMax) return;
  if (sizes_.emplace(record.blob->hash.digest, size_bytes).second) total_bytes_ += size_bytes;
}

std::unordered_map<Digest, std::uint64_t, DigestHash> GcCandidates::take() {
  const MutexLock lock(mutex_);
  if (total_bytes_ < kBytesMax && sizes_.size() < kCountMax) return {};
  total_bytes_ = 0;
  return std::exchange(sizes_, {});
}

}  // namespace modelfs
