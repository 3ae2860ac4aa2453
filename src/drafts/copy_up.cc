// Draft files whose bytes are a blob's: borrowing them, and getting bytes of one's own before they change.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "catalog/keys.h"
#include "catalog/records.h"
#include "content/inline_blob.h"
#include "drafts/draft_store.h"

namespace modelfs {

std::optional<DraftFile::Borrowed> DraftFile::borrowed() const {
  const MutexLock lock(mutex_);
  return borrowed_;
}

bool DraftFile::is_borrowed() const {
  const MutexLock lock(mutex_);
  return borrowed_.has_value();
}

bool DraftFile::is_fresh() const {
  const MutexLock lock(mutex_);
  return borrowed_ && borrowed_->size_bytes == 0;
}

bool DraftFile::may_block_setattr() const {
  const MutexLock lock(mutex_);
  if (!borrowed_) return false;
  return borrowed_->size_bytes > kInlineBlobBytesMax || (borrowed_->is_durable && borrowed_->size_bytes > 0);
}

Status DraftFile::borrow(Borrowed from, std::uint64_t offset_bytes, const std::function<Status()>& record) {
  const MutexLock lock(mutex_);
  if (sealed_) return {Code::Immutable, "what is published never changes"};
  const Status other(Code::Conflict, "it holds other bytes, or is being changed");
  if (!writable_ || changing_ > 0 || owning_ || hashing_ || damaged_ || !follower_.expired()) return other;
  if (borrowed_ && borrowed_->size_bytes > 0) {
    if (borrowed_->from->blob() != from.from->blob() || borrowed_->size_bytes != offset_bytes) return other;
  } else if (offset_bytes != 0) {
    return other;
  } else if (!borrowed_) {
    struct stat info {};
    if (::fstat(host_.fd(), &info) != 0) return Status::from_errno(errno, "stat a draft file");
    if (info.st_size != 0 || info.st_nlink != 1) return other;
  }
  if (Status status = record(); !status.ok()) return status;
  borrowed_ = std::move(from);
  recorded_.reset();
  ++changes_;
  return {};
}

Status DraftFile::copy_to_host(const Borrowed& from, std::uint64_t size_bytes) {
  auto host = store_.replace_host(ino_);
  if (!host.ok()) return host.status();
  host_ = std::move(*host);
  std::vector<std::byte> buffer(std::min(kHashChunkBytes, size_bytes));
  for (std::uint64_t position = 0; position < size_bytes;) {
    if (Status status = store_.check_space(buffer.size()); !status.ok()) return status;
    const std::size_t want = std::min<std::uint64_t>(buffer.size(), size_bytes - position);
    const auto got = from.from->read_at(position, ByteSpan(buffer.data(), want));
    if (!got.ok()) return got.status();
    if (*got == 0) return {Code::Corrupt, "blob " + from.from->blob().hex() + " is shorter than recorded"};
    if (Status status = write_at(host_.fd(), position, ByteView(buffer.data(), *got)); !status.ok()) return status;
    position += *got;
  }
  // Why synced: after power loss the file must not have less than it had before.
  if (from.is_durable && size_bytes > 0 && ::fdatasync(host_.fd()) != 0) {
    return Status::from_errno(errno, "sync a draft file");
  }
  return {};
}

Status DraftFile::own(std::uint64_t bytes_max) {
  Borrowed lent;
  {
    const MutexLock lock(mutex_);
    while (owning_) idle_.wait(mutex_);
    if (!borrowed_) return {};
    if (sealed_) return {Code::Immutable, "what is published never changes"};
    owning_ = true;
    lent = *borrowed_;
  }
  const std::uint64_t kept_bytes = std::min(lent.size_bytes, bytes_max);
  Status status = copy_to_host(lent, kept_bytes);
  if (status.ok()) status = store_.forget_blob(ino_, host_.fd());
  const MutexLock lock(mutex_);
  owning_ = false;
  idle_.notify_all();
  if (!status.ok()) return status;
  borrowed_.reset();
  // What is there is as if it had been written in order; unless it is about to be cut again.
  in_order_ = kept_bytes == 0 || kept_bytes == lent.size_bytes;
  ordered_ = in_order_ ? kept_bytes : 0;
  return {};
}

void DraftStore::add_borrower(const std::shared_ptr<DraftFile>& file) {
  borrowers_[raw(file->ino())] = file;
  if (borrowers_.size() < borrowers_swept_at_) return;
  std::erase_if(borrowers_, [](const auto& borrower) { return borrower.second.expired(); });
  borrowers_swept_at_ = std::max<std::size_t>(64, 2 * borrowers_.size());
}

Status DraftStore::borrow(DraftHandle& handle, const Digest& blob, std::uint64_t offset_bytes,
                          std::uint64_t count_bytes) {
  if (!handle.writes_) return {Code::BadHandle, "the file is not open for writing"};
  auto from = BlobExtent::open(keys_, blobs_, blob);
  if (!from.ok()) return from.status();
  const std::uint64_t blob_bytes = (*from)->size_bytes();
  if (offset_bytes >= blob_bytes || count_bytes == 0 || count_bytes > blob_bytes - offset_bytes) {
    return {Code::InvalidArgument, "the blob has not so many bytes"};
  }
  const Ino ino = handle.file_->ino();
  const MutexLock lock(names_mutex_);
  if (Status status = check_unfrozen({ino}); !status.ok()) return status;
  {
    const MutexLock opens(opens_mutex_);
    // Who opened it before it was this file would not see what is borrowed.
    for (const DraftHandle* other : opens_[raw(ino)].handles) {
      if (other->file_ != handle.file_) return {Code::Conflict, "it is open elsewhere"};
    }
    handle.closing_ = false;
    add_borrower(handle.file_);
  }
  const std::uint64_t size_bytes = offset_bytes + count_bytes;
  const bool is_whole = size_bytes == blob_bytes;
  const DraftRecord::BlobBytes bytes{(*from)->hash(), size_bytes,
                                     is_whole ? (*from)->allocated_bytes() : allocated_for(size_bytes), is_whole};
  return handle.file_->borrow({std::move(*from), size_bytes}, offset_bytes,
                              [&] { return remember_blob(ino, bytes, {}); });
}

std::optional<Status> DraftStore::write_small(DraftHandle& handle, ByteView bytes) {
  DraftFile& file = *handle.file_;
  if (bytes.empty() || bytes.size() > kInlineBlobBytesMax || !file.is_fresh()) return std::nullopt;
  if (Status status = check_space(bytes.size()); !status.ok()) return status;
  const ContentHash hash = hash_of(bytes);
  const auto pin = pins_.take({hash.digest});
  Batch batch;
  if (const auto stored = put_inline_blob(keys_, hash, bytes, batch); !stored.ok()) return stored;
  const DraftRecord::BlobBytes record{hash, bytes.size(), allocated_for(bytes.size()), true};
  auto held = BlobExtent::holding(hash, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  const MutexLock lock(names_mutex_);
  if (!check_unfrozen({file.ino()}).ok()) return std::nullopt;
  const Status status = file.borrow({std::move(held), bytes.size(), false}, 0,
                                    [&] { return remember_blob(file.ino(), record, std::move(batch)); });
  // Conflict: somebody else has just begun to write it.
  return status.code() == Code::Conflict ? std::nullopt : std::optional(status);
}

Status DraftStore::remember_blob(Ino ino, const DraftRecord::BlobBytes& blob, Batch batch) {
  auto found = record(ino);
  if (!found.ok()) return found.status();
  found->blob = blob;
  found->mtime = found->ctime = now();
  batch.put(keys::draft_inode(ino), found->encode());
  batch.erase(keys::draft_hash(ino));
  return commit(batch, SpaceNeed::Grows);
}

Status DraftStore::keep_empty_blob() {
  const ContentHash hash = hash_of({});
  empty_blob_ = DraftRecord::BlobBytes{hash, 0, 0, true};
  empty_pin_ = pins_.take({hash.digest});
  Batch batch;
  if (Status status = put_inline_blob(keys_, hash, {}, batch); !status.ok()) return status;
  return batch.puts.empty() ? Status() : commit(batch, SpaceNeed::Reclaims);
}

Status DraftStore::forget_blob(Ino ino, int host) {
  const MutexLock lock(names_mutex_);
  auto found = record(ino);
  if (!found.ok()) return found.status();
  note_gc_candidate(*found);
  const timespec times[2] = {to_timespec(found->atime), to_timespec(found->mtime)};
  if (::futimens(host, times) != 0) return Status::from_errno(errno, "set times");
  found->blob.reset();
  Batch batch;
  batch.put(keys::draft_inode(ino), found->encode());
  batch.erase(keys::draft_hash(ino));
  return commit(batch, SpaceNeed::Grows);
}

void DraftStore::note_gc_candidate(const DraftRecord& record) {
  if (!record.borrows_whole() || gc_candidates_.size() >= kGcCandidatesMax) return;
  const std::uint64_t size_bytes = record.blob->size_bytes;
  if (size_bytes == 0 || size_bytes > kInlineBlobBytesMax) return;
  if (gc_candidates_.emplace(record.blob->hash.digest, size_bytes).second) gc_candidate_bytes_ += size_bytes;
}

std::unordered_map<Digest, std::uint64_t, DigestHash> DraftStore::take_gc_candidates() {
  const MutexLock lock(names_mutex_);
  if (gc_candidate_bytes_ < kGcCandidateBytesMax && gc_candidates_.size() < kGcCandidatesMax) return {};
  gc_candidate_bytes_ = 0;
  return std::exchange(gc_candidates_, {});
}

}  // namespace modelfs
