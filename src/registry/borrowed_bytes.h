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
class BorrowedBytes {
 public:
  // Corrupt: the blob is missing or damaged.
  static Result<std::shared_ptr<const BorrowedBytes>> open(const KeyValueStore& keys, const BlobStore& blobs,
                                                           const Digest& blob);

  // Bytes of at most kInlineBlobBytesMax that are in the catalog, or about to be.
  static std::shared_ptr<const BorrowedBytes> holding(const ContentSum& sum, std::string bytes);

  const Digest& blob() const { return sum_.digest; }
  const ContentSum& sum() const { return sum_; }
  std::uint64_t size_bytes() const { return size_bytes_; }
  std::uint64_t allocated_bytes() const { return allocated_bytes_; }
  // Short only at the end.
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const;

 private:
  BorrowedBytes(const ContentSum& sum, std::uint64_t size_bytes, std::uint64_t allocated_bytes)
      : sum_(sum), size_bytes_(size_bytes), allocated_bytes_(allocated_bytes) {}

  const ContentSum sum_;
  const std::uint64_t size_bytes_;
  const std::uint64_t allocated_bytes_;
  std::string bytes_;                   // where they lie in the catalog
  std::unique_ptr<BlobReader> reader_;  // else
};

}  // namespace modelfs
