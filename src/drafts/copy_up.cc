// Draft files whose bytes are a blob's: borrowing them, and getting bytes of one's own before they change.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "catalog/records.h"
#include "drafts/draft_file.h"

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
  auto host = context_.hosts.replace(ino_);
  if (!host.ok()) return host.status();
  host_ = std::move(*host);
  std::vector<std::byte> buffer(std::min(kHashChunkBytes, size_bytes));
  for (std::uint64_t position = 0; position < size_bytes;) {
    if (Status status = context_.space.check(buffer.size()); !status.ok()) return status;
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
  if (status.ok()) status = context_.references.forget(ino_, host_.fd());
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

}  // namespace modelfs
