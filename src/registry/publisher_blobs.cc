// Before the batch: every blob of the draft is in the store, and durable or in the log before it.
#include <algorithm>

#include "base/log.h"
#include "catalog/keys.h"
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

Status Publisher::store_blobs() {
  std::vector<Digest> digests;
  std::unordered_map<Digest, std::uint32_t, DigestHash> files;  // one file for each digest
  const auto& entries = draft_->entries();
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].record.type != FileType::Regular) continue;
    const auto sum = draft_->sum(i, false);
    if (!sum.ok()) return sum.status();
    sums_[i] = sum->sum;
    if (files.emplace(sum->sum.digest, i).second) digests.push_back(sum->sum.digest);
  }
  lease_ = registry_.leases_.take(digests);
  std::vector<std::pair<Digest, std::uint32_t>> small;
  std::vector<std::pair<Digest, std::uint32_t>> large;
  for (const Digest& digest : digests) {
    const std::uint32_t index = files[digest];
    const auto there = has_blob(digest, entries[index].size_bytes);
    if (!there.ok()) return there.status();
    if (!*there) (entries[index].size_bytes <= kInlineBlobBytesMax ? small : large).emplace_back(digest, index);
  }
  if (Status status = link_large(large); !status.ok()) return status;
  return store_small(small);
}

Status Publisher::store_small(const std::vector<std::pair<Digest, std::uint32_t>>& small) {
  Batch batch;
  std::size_t batch_bytes = 0;
  for (const auto& [digest, index] : small) {
    auto file = draft_->open(index);
    if (!file.ok()) return file.status();
    auto bytes = read_all(file->fd(), kInlineBlobBytesMax);
    if (!bytes.ok()) return bytes.status();
    if (sum_of(bytes_of(*bytes)) != sums_[index]) {
      return {Code::Corrupt, draft_->path_of(index) + " does not hold the bytes that were summed; write it anew"};
    }
    BlobRecord record;
    record.size_bytes = bytes->size();
    record.allocated_bytes = (bytes->size() + 4095) / 4096 * 4096;
    record.crc32 = sums_[index].crc32;
    record.is_inline = true;
    record.bytes = std::move(*bytes);
    batch_bytes += record.size_bytes + 128;
    batch.put(keys::blob(digest), record.encode());
    if (batch_bytes < kSmallBatchBytes) continue;
    if (Status status = registry_.engine_.keys->commit(batch, Durability::Buffered); !status.ok()) return status;
    batch = Batch();
    batch_bytes = 0;
  }
  return batch.puts.empty() ? Status() : registry_.engine_.keys->commit(batch, Durability::Buffered);
}

BlobRecord Publisher::record_of(std::uint32_t index) const {
  BlobRecord record;
  record.size_bytes = draft_->entries()[index].size_bytes;
  record.allocated_bytes = draft_->entries()[index].allocated_bytes;
  record.crc32 = sums_.at(index).crc32;
  return record;
}

Status Publisher::link_large(const std::vector<std::pair<Digest, std::uint32_t>>& large) {
  if (large.empty()) return {};
  std::string intent;
  for (const auto& [digest, index] : large) intent.append(digest.raw_bytes());
  Batch batch;
  batch.put(keys::intent(request_.draft), intent);
  if (Status status = registry_.engine_.keys->commit(batch, Durability::Buffered); !status.ok()) return status;
  for (const auto& [digest, index] : large) {
    linked_.push_back(digest);
    // Another commit that has not ended may have brought these bytes a moment ago: then they are there already.
    const auto there = registry_.engine_.blobs->open(digest);
    const auto known = registry_.engine_.keys->get(keys::blob(digest));
    const bool usable = there.ok() && (*there)->size_bytes() == draft_->entries()[index].size_bytes && !known.ok();
    if (usable) {
      large_records_.emplace_back(digest, record_of(index));
      continue;
    }
    if (Status status =
            registry_.engine_.blobs->adopt(digest, registry_.drafts().directory(), draft_->host_name(index));
        !status.ok()) {
      return status;
    }
    large_records_.emplace_back(digest, record_of(index));
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
