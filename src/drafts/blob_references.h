// Draft files that refer to a blob: their bytes are its own, or its first ones, until they change.
#pragma once
#include <memory>

#include "base/digest.h"
#include "base/status.h"
#include "content/blob_extent.h"
#include "content/blob_pins.h"
#include "drafts/draft_records.h"
#include "drafts/gc_candidates.h"
#include "drafts/names_lock.h"
#include "store/blob_store.h"

namespace modelfs {

// Safe for concurrent use.
class BlobReferences {
 public:
  // All stay as long as this lives.
  BlobReferences(NamesLock& names, const DraftRecords& records, BlobStore& blobs, BlobPins& pins,
                 GcCandidates& candidates)
      : names_(names), records_(records), blobs_(blobs), pins_(pins), candidates_(candidates) {}

  // Puts the empty blob, which new files refer to, and keeps it.
  Status keep_empty_blob();
  const DraftRecord::BlobBytes& empty_blob() const { return empty_blob_; }

  // Corrupt: the blob is missing or damaged.
  Result<std::shared_ptr<const BlobExtent>> open(const Digest& blob) const;
  Result<std::shared_ptr<const BlobExtent>> open(const DraftRecord::BlobBytes& bytes) const;

  // Bytes of at most kInlineBlobBytesMax that are about to become a blob in the catalog.
  struct SmallBlob {
    DraftRecord::BlobBytes bytes;
    std::unique_ptr<BlobPins::Pin> pin;
    Batch batch;  // puts it; for remember()
  };
  Result<SmallBlob> prepare_small(ByteView bytes) const;

  // Commits `batch`, and that the bytes of `ino` are those of `blob`.
  Status remember(const NamesLock::Held& held, Ino ino, const DraftRecord::BlobBytes& blob, Batch batch) const;
  // The bytes of `ino` are those of its host file `host` from now on, which gets its times.
  Status forget(Ino ino, int host) const;

 private:
  NamesLock& names_;
  const DraftRecords& records_;
  BlobStore& blobs_;
  BlobPins& pins_;
  GcCandidates& candidates_;
  DraftRecord::BlobBytes empty_blob_;
  std::unique_ptr<BlobPins::Pin> empty_pin_;
};

}  // namespace modelfs
