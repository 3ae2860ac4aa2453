// Before the batch: every blob of the draft is in the store, and durable or in the log before it.
#include <fcntl.h>

#include <algorithm>
#include <unordered_set>

#include "base/log.h"
#include "catalog/keys.h"
#include "registry/inline_blob.h"
#include "registry/publisher.h"

namespace modelfs {
namespace {

// Small blobs are stored in batches of this size, so that one commit's log records stay bounded.
constexpr std::size_t kSmallBatchBytes = 4ull << 20;

}  // namespace

Result<bool> Publisher::has_blob(const Digest& digest, std::uint64_t size_bytes) const {
  const auto value = registry_.engine_.keys->get(keys::blob(digest));
  if (value.code() == Code::NotFound) return false;
  if (!value.ok()) return value.status();
  const auto record = BlobRecord::decode(*value);
  if (!record.ok() || record->quarantined || record->size_bytes != size_bytes) return false;
  if (record->is_inline) return record->bytes.size() == size_bytes;
  const auto reader = registry_.engine_.blobs->open(digest);
  return reader.ok() && (*reader)->size_bytes() == size_bytes;
}

Result<std::vector<Publisher::Piece>> Publisher::collect_pieces() {
  std::vector<Piece> pieces;  // one for each digest
  std::unordered_set<Digest, DigestHash> seen;
  const auto& entries = draft_->entries();
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].record.type != FileType::Regular) continue;
    const auto sum = draft_->sum(i, false);
    if (!sum.ok()) return sum.status();
    sums_[i] = sum->sum;
    if (!seen.insert(sum->sum.digest).second) continue;
    pieces.push_back(
        {sum->sum, entries[i].size_bytes, entries[i].allocated_bytes, draft_->host_name(i), draft_->path_of(i)});
    pieces.back().is_borrowed = entries[i].record.borrows_whole();
  }
  if (request_.original != nullptr) {
    const SealedFile& file = request_.original->file;
    if (seen.insert(file.sum().sum.digest).second) {
      pieces.push_back(
          {file.sum().sum, file.sum().size_bytes, file.allocated_bytes(), file.host_name(), "the archive"});
    }
  }
  return pieces;
}

Status Publisher::store_blobs() {
  const auto pieces = collect_pieces();
  if (!pieces.ok()) return pieces.status();
  std::vector<Digest> digests;
  for (const Piece& piece : *pieces) digests.push_back(piece.sum.digest);
  lease_ = registry_.leases_.take(digests);
  std::vector<const Piece*> small;
  std::vector<const Piece*> large;
  for (const Piece& piece : *pieces) {
    const auto there = has_blob(piece.sum.digest, piece.size_bytes);
    if (!there.ok()) return there.status();
    if (!*there && piece.is_borrowed) {
      return {Code::Corrupt, piece.path + " is a copy of a file that is damaged; write it anew"};
    }
    if (!*there) (piece.size_bytes <= kInlineBlobBytesMax ? small : large).push_back(&piece);
  }
  if (Status status = link_large(large); !status.ok()) return status;
  return store_small(small);
}

Status Publisher::store_small(const std::vector<const Piece*>& small) {
  Batch batch;
  std::size_t batch_bytes = 0;
  for (const Piece* piece : small) {
    auto file = open_at(registry_.drafts().directory(), piece->host_name, O_RDONLY);
    if (!file.ok()) return file.status();
    auto bytes = read_all(file->fd(), kInlineBlobBytesMax);
    if (!bytes.ok()) return bytes.status();
    if (sum_of(bytes_of(*bytes)) != piece->sum) {
      return {Code::Corrupt, piece->path + " does not hold the bytes that were summed; write it anew"};
    }
    const Status put = put_inline_blob(*registry_.engine_.keys, piece->sum, bytes_of(*bytes), batch);
    if (!put.ok()) return put;
    batch_bytes += bytes->size() + 128;
    if (batch_bytes < kSmallBatchBytes) continue;
    if (Status status = registry_.engine_.keys->commit(batch, Durability::Buffered); !status.ok()) return status;
    batch = Batch();
    batch_bytes = 0;
  }
  return batch.puts.empty() ? Status() : registry_.engine_.keys->commit(batch, Durability::Buffered);
}

Status Publisher::link_large(const std::vector<const Piece*>& large) {
  if (large.empty()) return {};
  std::string intent;
  for (const Piece* piece : large) intent.append(piece->sum.digest.raw_bytes());
  Batch batch;
  batch.put(keys::intent(request_.draft), intent);
  if (Status status = registry_.engine_.keys->commit(batch, Durability::Buffered); !status.ok()) return status;
  for (const Piece* piece : large) {
    const Digest& digest = piece->sum.digest;
    BlobRecord record;
    record.size_bytes = piece->size_bytes;
    record.allocated_bytes = piece->allocated_bytes;
    record.crc32 = piece->sum.crc32;
    linked_.push_back(digest);
    // Another commit that has not ended may have brought these bytes a moment ago: then they are there already.
    const auto there = registry_.engine_.blobs->open(digest);
    const auto known = registry_.engine_.keys->get(keys::blob(digest));
    const bool usable = there.ok() && (*there)->size_bytes() == piece->size_bytes && !known.ok();
    if (!usable) {
      const Status adopted = registry_.engine_.blobs->adopt(digest, registry_.drafts().directory(), piece->host_name);
      if (!adopted.ok()) return adopted;
    }
    large_records_.emplace_back(digest, record);
  }
  return registry_.engine_.blobs->sync(linked_);
}

void Publisher::undo_links() {
  if (linked_.empty()) return;
  lease_.reset();
  for (const Digest& digest : linked_) {
    // Only if no other commit brought, or is bringing, the same bytes.
    registry_.leases_.remove_unleased(digest, [&] {
      if (registry_.engine_.keys->get(keys::blob(digest)).code() != Code::NotFound) return;
      if (Status status = registry_.engine_.blobs->remove(digest); !status.ok()) log::warn("{}", status.message());
    });
  }
  Batch batch;
  batch.erase(keys::intent(request_.draft));
  // If this fails too, the next start does it.
  if (Status status = registry_.engine_.keys->commit(batch, Durability::Buffered, SpaceNeed::Reclaims); !status.ok()) {
    log::warn("{}", status.message());
  }
}

}  // namespace modelfs
