// The bytes of a blob, for a draft file that has none of its own yet.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "base/digest.h"
#include "base/status.h"
#include "base/types.h"
#include "store/blob_store.h"
#include "store/key_value_store.h"

namespace modelfs {

// Immutable, safe for concurrent use. That the blob stays is the draft's record's part, which gc looks at.
class BlobExtent {
 public:
  // Corrupt: the blob is missing or damaged.
  static Result<std::shared_ptr<const BlobExtent>> open(const KeyValueStore& keys, const BlobStore& blobs,
                                                        const Digest& blob);

  // Bytes of at most kInlineBlobBytesMax that are in the catalog, or about to be.
  static std::shared_ptr<const BlobExtent> holding(const ContentHash& hash, std::string bytes);

  const Digest& blob() const { return hash_.digest; }
  const ContentHash& hash() const { return hash_; }
  std::uint64_t size_bytes() const { return size_bytes_; }
  std::uint64_t allocated_bytes() const { return allocated_bytes_; }
  // Short only at the end.
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const;

 private:
  BlobExtent(const ContentHash& hash, std::uint64_t size_bytes, std::uint64_t allocated_bytes)
      : hash_(hash), size_bytes_(size_bytes), allocated_bytes_(allocated_bytes) {}

  const ContentHash hash_;
  const std::uint64_t size_bytes_;
  const std::uint64_t allocated_bytes_;
  std::string bytes_;                   // where they lie in the catalog
  std::unique_ptr<BlobReader> reader_;  // else
};

}  // namespace modelfs
