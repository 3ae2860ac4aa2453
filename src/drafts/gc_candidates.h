// Small blobs that drafts have left in the catalog, until it is worth looking through them.
#pragma once
#include <cstdint>
#include <unordered_map>

#include "base/digest.h"
#include "base/mutex.h"
#include "drafts/draft_record.h"

namespace modelfs {

// Safe for concurrent use.
class GcCandidates {
 public:
  // How many of them, and how much, may lie in the catalog before they are looked through.
  static constexpr std::uint64_t kBytesMax = 64ull << 20;
  static constexpr std::size_t kCountMax = 16'384;

  // A draft file does not refer to `record`'s bytes any more.
  void note(const DraftRecord& record) EXCLUDES(mutex_);
  // Those that nobody may need any more, with their sizes: gc sees who does. Nothing below kBytesMax and kCountMax;
  // more than the latter only a whole gc finds.
  std::unordered_map<Digest, std::uint64_t, DigestHash> take() EXCLUDES(mutex_);

 private:
  Mutex mutex_;  // leaf lock
  std::unordered_map<Digest, std::uint64_t, DigestHash> sizes_ GUARDED_BY(mutex_);
  std::uint64_t total_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace modelfs
