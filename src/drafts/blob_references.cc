#include "drafts/blob_references.h"

#include <sys/stat.h>

#include <cerrno>

#include "base/time.h"
#include "catalog/keys.h"
#include "content/inline_blob.h"

namespace modelfs {

Status BlobReferences::keep_empty_blob() {
  const ContentHash hash = hash_of({});
  empty_blob_ = DraftRecord::BlobBytes{hash, 0, 0, true};
  empty_pin_ = pins_.take({hash.digest});
  Batch batch;
  if (Status status = put_inline_blob(records_.keys(), hash, {}, batch); !status.ok()) return status;
  return batch.puts.empty() ? Status() : records_.commit(batch, SpaceNeed::Reclaims);
}

Result<std::shared_ptr<const BlobExtent>> BlobReferences::open(const Digest& blob) const {
  return BlobExtent::open(records_.keys(), blobs_, blob);
}

Result<std::shared_ptr<const BlobExtent>> BlobReferences::open(const DraftRecord::BlobBytes& bytes) const {
  if (bytes.size_bytes == 0) return BlobExtent::holding(bytes.hash, "");
  return open(bytes.hash.digest);
}

Result<BlobReferences::SmallBlob> BlobReferences::prepare_small(ByteView bytes) const {
  const ContentHash hash = hash_of(bytes);
  SmallBlob small{{hash, bytes.size(), allocated_for(bytes.size()), true}, pins_.take({hash.digest}), {}};
  const Status stored = put_inline_blob(records_.keys(), hash, bytes, small.batch);
  if (!stored.ok()) return stored;
  return small;
}

Status BlobReferences::remember(const NamesLock::Held&, Ino ino, const DraftRecord::BlobBytes& blob,
                                Batch batch) const {
  auto found = records_.inode(ino);
  if (!found.ok()) return found.status();
  found->blob = blob;
  found->mtime = found->ctime = now();
  batch.put(keys::draft_inode(ino), found->encode());
  batch.erase(keys::draft_hash(ino));
  return records_.commit(batch, SpaceNeed::Grows);
}

Status BlobReferences::forget(Ino ino, int host) const {
  const NamesLock::Held held(names_);
  auto found = records_.inode(ino);
  if (!found.ok()) return found.status();
  candidates_.note(*found);
  const timespec times[2] = {to_timespec(found->atime), to_timespec(found->mtime)};
  if (::futimens(host, times) != 0) return Status::from_errno(errno, "set times");
  found->blob.reset();
  Batch batch;
  batch.put(keys::draft_inode(ino), found->encode());
  batch.erase(keys::draft_hash(ino));
  return records_.commit(batch, SpaceNeed::Grows);
}

}  // namespace modelfs
