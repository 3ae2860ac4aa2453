// Before the batch: every blob of the draft is in the store, and durable or in the log before it.
#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "base/log.h"
#include "catalog/keys.h"
#include "content/inline_blob.h"
#include "registry/commit.h"

namespace modelfs {
namespace {

// Small blobs are stored in batches of this size, so that one commit's log records stay bounded.
constexpr std::size_t kSmallBatchBytes = 4ull << 20;

constexpr std::size_t kCompareBytes = 1ull << 20;

// Whether a blob's file holds the bytes of the file `name` in `dir`, which has the same size. What cannot be read of
// the blob is not the same.
Result<bool> holds_the_same(const BlobReader& blob, int dir, const std::string& name) {
  const auto file = open_at(dir, name, O_RDONLY);
  if (!file.ok()) return file.status();
  std::vector<std::byte> mine(kCompareBytes);
  std::vector<std::byte> theirs(kCompareBytes);
  for (std::uint64_t offset = 0; offset < blob.size_bytes();) {
    const auto got = read_at(file->fd(), offset, mine);
    if (!got.ok()) return got.status();
    if (*got == 0) return Status(Code::Corrupt, "it has lost its end");
    const auto there = blob.read_at(offset, ByteSpan(theirs).first(*got));
    if (!there.ok() || *there != *got || std::memcmp(mine.data(), theirs.data(), *got) != 0) return false;
    offset += *got;
  }
  return true;
}

Result<Digest> digest_of(int dir, const std::string& name) {
  const auto file = open_at(dir, name, O_RDONLY);
  if (!file.ok()) return file.status();
  std::vector<std::byte> buffer(kCompareBytes);
  Hasher hasher;
  for (std::uint64_t offset = 0;;) {
    const auto got = read_at(file->fd(), offset, buffer);
    if (!got.ok()) return got.status();
    if (*got == 0) return hasher.finish().digest;
    hasher.add(ByteView(buffer).first(*got));
    offset += *got;
  }
}

}  // namespace

Result<bool> Commit::holds_piece(const BlobReader& blob, const Piece& piece) {
  if (blob.size_bytes() != piece.size_bytes) return false;
  // A copy within the mount has no bytes of its own.
  if (piece.is_borrowed) return true;
  if (request_.budget == HashBudget::Short && piece.size_bytes > may_compare_bytes_) return true;
  may_compare_bytes_ -= std::min(may_compare_bytes_, piece.size_bytes);
  const int dir = core_.drafts().directory();
  const auto same = holds_the_same(blob, dir, piece.host_name);
  if (!same.ok()) return Status(same.code(), piece.path + ": " + same.status().message());
  if (*same) return true;
  // One of the two is not what it was when it was hashed.
  const auto mine = digest_of(dir, piece.host_name);
  if (!mine.ok()) return mine.status();
  if (*mine != piece.hash.digest) {
    return Status(Code::Corrupt, piece.path + " does not hold the bytes that were summed; write it anew");
  }
  log::warn("blob {} is damaged; {} takes its place", piece.hash.digest.hex(), piece.path);
  return false;
}

Result<bool> Commit::has_blob(const Piece& piece) {
  const auto value = core_.keys().get(keys::blob(piece.hash.digest));
  if (value.code() == Code::NotFound) return false;
  if (!value.ok()) return value.status();
  const auto record = BlobRecord::decode(*value);
  if (!record.ok() || record->quarantined || record->size_bytes != piece.size_bytes) return false;
  // What was written here first, or copied within the mount, is that very blob, hashed when it came; the catalog checks
  // what it reads. To hash it once more would be most of what a commit of many small files takes.
  if (record->is_inline) return piece.is_borrowed || hash_of(bytes_of(record->bytes)) == piece.hash;
  const auto reader = core_.blobs().open(piece.hash.digest);
  return reader.ok() ? holds_piece(**reader, piece) : Result<bool>(false);
}

std::vector<Commit::Piece> Commit::collect_pieces() const {
  std::vector<Piece> pieces;  // one for each digest
  std::unordered_set<Digest, DigestHash> seen;
  const auto& entries = draft_->entries();
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].record.type != FileType::Regular) continue;
    const ContentHash& hash = package_.hashes[i];
    if (!seen.insert(hash.digest).second) continue;
    pieces.push_back(
        {hash, entries[i].size_bytes, entries[i].allocated_bytes, draft_->host_name(i), draft_->path_of(i)});
    pieces.back().is_borrowed = entries[i].record.borrows_whole();
  }
  if (request_.original != nullptr) {
    const SealedFile& file = request_.original->file;
    if (seen.insert(file.hash().hash.digest).second) {
      pieces.push_back(
          {file.hash().hash, file.hash().size_bytes, file.allocated_bytes(), file.host_name(), "the archive"});
    }
  }
  return pieces;
}

Status Commit::store_blobs() {
  const auto pieces = collect_pieces();
  std::vector<Digest> digests;
  for (const Piece& piece : pieces) digests.push_back(piece.hash.digest);
  pin_ = core_.pins().take(digests);
  std::vector<const Piece*> small;
  std::vector<const Piece*> large;
  for (const Piece& piece : pieces) {
    const auto there = has_blob(piece);
    if (!there.ok()) return there.status();
    if (!*there && piece.is_borrowed) {
      return {Code::Corrupt, piece.path + " is a copy of a file that is damaged; write it anew"};
    }
    if (!*there) (piece.size_bytes <= kInlineBlobBytesMax ? small : large).push_back(&piece);
  }
  if (Status status = link_large(large); !status.ok()) return status;
  return store_small(small);
}

Status Commit::store_small(const std::vector<const Piece*>& small) {
  Batch batch;
  std::size_t batch_bytes = 0;
  for (const Piece* piece : small) {
    auto file = open_at(core_.drafts().directory(), piece->host_name, O_RDONLY);
    if (!file.ok()) return file.status();
    auto bytes = read_all(file->fd(), kInlineBlobBytesMax);
    if (!bytes.ok()) return bytes.status();
    if (hash_of(bytes_of(*bytes)) != piece->hash) {
      return {Code::Corrupt, piece->path + " does not hold the bytes that were summed; write it anew"};
    }
    const Status put = put_inline_blob(core_.keys(), piece->hash, bytes_of(*bytes), batch);
    if (!put.ok()) return put;
    batch_bytes += bytes->size() + 128;
    if (batch_bytes < kSmallBatchBytes) continue;
    if (Status status = core_.keys().commit(batch, Durability::Buffered); !status.ok()) return status;
    batch = Batch();
    batch_bytes = 0;
  }
  return batch.puts.empty() ? Status() : core_.keys().commit(batch, Durability::Buffered);
}

Status Commit::link_large(const std::vector<const Piece*>& large) {
  if (large.empty()) return {};
  std::string intent;
  for (const Piece* piece : large) intent.append(piece->hash.digest.raw_bytes());
  Batch batch;
  batch.put(keys::intent(request_.draft), intent);
  if (Status status = core_.keys().commit(batch, Durability::Buffered); !status.ok()) return status;
  for (const Piece* piece : large) {
    const Digest& digest = piece->hash.digest;
    BlobRecord record;
    record.size_bytes = piece->size_bytes;
    record.allocated_bytes = piece->allocated_bytes;
    record.crc32 = piece->hash.crc32;
    linked_.push_back(digest);
    // Another commit that has not ended may have brought these bytes a moment ago: then they are there already.
    const auto there = core_.blobs().open(digest);
    const auto known = core_.keys().get(keys::blob(digest));
    const auto usable = there.ok() && !known.ok() ? holds_piece(**there, *piece) : Result<bool>(false);
    if (!usable.ok()) return usable.status();
    if (!*usable) {
      const Status adopted = core_.blobs().adopt(digest, core_.drafts().directory(), piece->host_name);
      if (!adopted.ok()) return adopted;
    }
    large_records_.emplace_back(digest, record);
  }
  return core_.blobs().sync(linked_);
}

void undo_links(RegistryCore& core, Ino draft, const std::vector<Digest>& linked) {
  if (linked.empty()) return;
  for (const Digest& digest : linked) {
    // Only if no other commit brought, or is bringing, the same bytes.
    core.pins().remove_unpinned(digest, [&] {
      Batch asks;
      asks.expect(keys::blob(digest), std::nullopt);
      if (!core.keys().commit(asks, Durability::Buffered).ok()) return;
      if (Status status = core.blobs().remove(digest); !status.ok()) log::warn("{}", status.message());
    });
  }
  Batch batch;
  batch.erase(keys::intent(draft));
  // If this fails too, the next start does it.
  if (Status status = core.keys().commit(batch, Durability::Buffered, SpaceNeed::Reclaims); !status.ok()) {
    log::warn("{}", status.message());
  }
}

}  // namespace modelfs
