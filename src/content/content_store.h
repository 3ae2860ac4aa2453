// Opens what is committed: the bytes that a manifest names.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/status.h"
#include "catalog/manifest.h"
#include "catalog/snapshot.h"
#include "content/blob_pins.h"
#include "content/content_reader.h"
#include "store/blob_store.h"
#include "store/key_value_store.h"

namespace modelfs {

// Safe for concurrent use. What it refers to outlives it and its readers.
class ContentStore {
 public:
  ContentStore(const KeyValueStore& keys, const BlobStore& blobs, BlobPins& pins)
      : keys_(keys), blobs_(blobs), pins_(pins) {}

  // What exists now. What takes long must not hold one.
  Result<Snapshot> snapshot() const;
  // A reader of the file's bytes, which keeps its blob from gc. Answers at once also where they come from another host:
  // then reads wait for them. Corrupt: the blob is missing, damaged or has another size; says what to do. Unavailable:
  // a moment ago it could not be had.
  Result<std::shared_ptr<const ContentReader>> open(const ManifestEntry& file) const;
  // The same, but of a file of at most kInlineBlobBytesMax its first read says whether it can be read.
  Result<std::shared_ptr<const ContentReader>> open(const std::shared_ptr<const Manifest>& manifest,
                                                    std::uint32_t index) const;
  // Whether the file's bytes do not lie here, or not whole, but on another host.
  bool is_distant(const ManifestEntry& file) const;
  // Whether any file's may.
  bool has_distant() const { return blobs_.has_distant(); }
  // Keeps these blobs from gc until the pin is destroyed.
  std::unique_ptr<BlobPins::Pin> pin(std::vector<Digest> digests) const { return pins_.take(std::move(digests)); }

 private:
  Result<std::shared_ptr<const ContentReader>> open_distant(const ManifestEntry& file,
                                                            std::unique_ptr<BlobPins::Pin> pin,
                                                            const Status& otherwise) const;

  const KeyValueStore& keys_;
  const BlobStore& blobs_;
  BlobPins& pins_;
};

}  // namespace modelfs
