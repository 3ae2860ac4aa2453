// A large blob on its way into the bucket, chunk by chunk.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/lru_cache.h"
#include "base/mutex.h"
#include "base/status.h"
#include "store/blob_store.h"
#include "store/remote.h"

namespace modelfs {

struct ChunkHashes {
  ContentHash whole;
  std::vector<Digest> chunks;  // of `chunk_bytes` each, the last one shorter
};

// Reads the whole blob. Unavailable: the deadline has passed.
Result<ChunkHashes> hash_chunks(const BlobReader& blob, std::uint64_t chunk_bytes, Deadline deadline);

// Gives out no byte whose chunk does not have the hash that hash_chunks() found. Safe for concurrent use.
class ChunkedSource final : public RemoteSource {
 public:
  // All outlive it.
  ChunkedSource(const BlobReader& blob, const std::vector<Digest>& chunks, std::uint64_t chunk_bytes)
      : blob_(blob), chunks_(chunks), chunk_bytes_(chunk_bytes) {}

  std::uint64_t size_bytes() const override { return blob_.size_bytes(); }
  // Corrupt: the bytes have changed since they were hashed. Whole chunks are read in place; of a part of one the chunk
  // is kept, since the next part follows.
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const override EXCLUDES(mutex_);

 private:
  using Chunk = std::shared_ptr<const std::vector<std::byte>>;
  // Chunks that are kept for those who read in small parts.
  static constexpr std::uint64_t kKeptMax = 4;

  std::size_t size_of(std::uint64_t number) const;
  Status read_chunk(std::uint64_t number, ByteSpan into) const;
  Result<Chunk> chunk(std::uint64_t number) const EXCLUDES(mutex_);

  const BlobReader& blob_;
  const std::vector<Digest>& chunks_;
  const std::uint64_t chunk_bytes_;
  mutable Mutex mutex_;  // leaf lock
  mutable LruCache<std::uint64_t, Chunk> kept_ GUARDED_BY(mutex_){kKeptMax};
};

}  // namespace modelfs
