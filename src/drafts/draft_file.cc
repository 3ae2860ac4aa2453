#include "drafts/draft_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "drafts/holes.h"

namespace modelfs {
namespace {

Result<std::uint64_t> size_of(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return Status::from_errno(errno, "stat a draft file");
  return static_cast<std::uint64_t>(info.st_size);
}

}  // namespace

DraftFile::DraftFile(Ino ino, File host, bool writable, std::optional<DraftHash> recorded,
                     std::optional<Borrowed> borrowed, const DraftFileContext& context, ThreadPool::Owner owner)
    : ino_(ino),
      host_(std::move(host)),
      writable_(writable),
      context_(context),
      owner_(owner),
      recorded_(recorded),
      borrowed_(std::move(borrowed)) {
  damaged_ = recorded_ && recorded_->damaged;
  if (borrowed_) return;  // own() says
  // A file that has bytes already is written in order only if it is begun anew (truncated to nothing).
  const auto size = size_of(host_.fd());
  in_order_ = size.ok() && *size == 0;
}

Result<std::size_t> DraftFile::read(std::uint64_t offset_bytes, ByteSpan into) const {
  const auto lent = borrowed();
  if (!lent) return read_at(host_.fd(), offset_bytes, into);
  if (offset_bytes >= lent->size_bytes) return std::size_t{0};
  return lent->from->read_at(offset_bytes,
                             into.first(std::min<std::uint64_t>(into.size(), lent->size_bytes - offset_bytes)));
}

Result<std::uint64_t> DraftFile::seek(std::uint64_t offset_bytes, int whence) const {
  if (const auto lent = borrowed()) {
    if (offset_bytes >= lent->size_bytes) return Status::from_errno(ENXIO, "lseek");
    return whence == SEEK_DATA ? offset_bytes : lent->size_bytes;
  }
  // Why the shared file position does no harm: everything else reads and writes by offset.
  const off_t found = ::lseek(host_.fd(), static_cast<off_t>(offset_bytes), whence);
  if (found < 0) return Status::from_errno(errno, "lseek");
  return static_cast<std::uint64_t>(found);
}

void DraftFile::seal() {
  const MutexLock lock(mutex_);
  sealed_ = true;
  while (changing_ > 0) idle_.wait(mutex_);
}

void DraftFile::unseal() {
  const MutexLock lock(mutex_);
  sealed_ = false;
}

void DraftFile::end_change() {
  const MutexLock lock(mutex_);
  --changing_;
  idle_.notify_all();
}

Status DraftFile::begin_change(std::uint64_t offset_bytes, std::uint64_t kept_bytes) {
  for (;;) {
    if (Status status = own(kept_bytes); !status.ok()) return status;
    const MutexLock lock(mutex_);
    if (sealed_) return {Code::Immutable, "what is published never changes"};
    if (borrowed_) continue;  // a moment ago
    if (recorded_ && !damaged_) {
      // Why before the bytes change: a crash in between must not leave a hash of other bytes.
      if (Status status = context_.hashes.forget(ino_); !status.ok()) return status;
      recorded_.reset();
    }
    ++changes_;
    ++changing_;
    spoil_order(offset_bytes);
    return {};
  }
}

void DraftFile::supersede() {
  const MutexLock lock(mutex_);
  superseded_ = true;
}

void DraftFile::spoil_order(std::uint64_t offset_bytes) {
  if (offset_bytes >= ordered_) return;
  ++epoch_;
  in_order_ = false;
  if (const auto follower = follower_.lock()) follower->spoiled();
}

bool DraftFile::follow(const std::shared_ptr<WriteListener>& follower) {
  if (is_fresh() && !own().ok()) return false;  // it is read from its host file
  const MutexLock lock(mutex_);
  if (!in_order_ || borrowed_) return false;
  follower_ = follower;
  follower->grown(ordered_);
  return true;
}

Status DraftFile::verdict_on(std::uint64_t offset_bytes) const {
  std::shared_ptr<WriteListener> follower;
  {
    const MutexLock lock(mutex_);
    if (in_order_ && offset_bytes >= ordered_) follower = follower_.lock();
  }
  return follower ? follower->verdict() : Status();
}

Status DraftFile::write(std::uint64_t offset_bytes, ByteView bytes) {
  if (Status status = verdict_on(offset_bytes); !status.ok()) return status;
  if (Status status = context_.space.check(bytes.size()); !status.ok()) return status;
  if (Status status = begin_change(offset_bytes); !status.ok()) return status;
  const Status written = write_at(host_.fd(), offset_bytes, bytes);
  end_change();
  if (!written.ok()) return written;

  const MutexLock lock(mutex_);
  spoil_order(offset_bytes);  // somebody wrote the same place meanwhile
  if (!in_order_) return {};
  if (offset_bytes != ordered_) {
    // A hole.
    ++epoch_;
    in_order_ = false;
    return {};
  }
  ordered_ += bytes.size();
  if (const auto follower = follower_.lock()) follower->grown(ordered_);
  if (ordered_ - hashed_ >= kHashChunkBytes) take_turn();
  return {};
}

Status DraftFile::truncate(std::uint64_t size_bytes) {
  if (Status status = begin_change(size_bytes, size_bytes); !status.ok()) return status;
  const int error = ::ftruncate(host_.fd(), static_cast<off_t>(size_bytes)) == 0 ? 0 : errno;
  end_change();
  if (error != 0) return Status::from_errno(error, "truncate");
  const MutexLock lock(mutex_);
  spoil_order(size_bytes);  // somebody wrote on meanwhile
  if (size_bytes == 0) {
    // Begun anew: in order again once nobody hashes the old bytes; what was lost by a failed sync is gone with them.
    ++epoch_;
    ordered_ = 0;
    if (damaged_) {
      if (Status status = context_.hashes.forget(ino_); !status.ok()) return status;
      damaged_ = false;
      recorded_.reset();
    }
    if (!hashing_) {
      drop_hash();
      in_order_ = true;
    }
  } else if (size_bytes > ordered_) {
    in_order_ = false;
  }
  return {};
}

Status DraftFile::allocate(int mode, std::uint64_t offset_bytes, std::uint64_t length_bytes) {
  // Preallocation changes no byte that was there, but it may move the end of the file: both spoil the order only.
  const bool keeps_bytes = (mode & ~FALLOC_FL_KEEP_SIZE) == 0;
  if (Status status = context_.space.check(keeps_bytes ? length_bytes : 0); !status.ok()) return status;
  if (Status status = begin_change(keeps_bytes ? ~std::uint64_t{0} : offset_bytes); !status.ok()) return status;
  const bool done =
      ::fallocate(host_.fd(), mode, static_cast<off_t>(offset_bytes), static_cast<off_t>(length_bytes)) == 0;
  const int error = done ? 0 : errno;
  end_change();
  return done ? Status() : Status::from_errno(error, "fallocate");
}

Status DraftFile::sync() {
  {
    const MutexLock lock(mutex_);
    while (owning_) idle_.wait(mutex_);
    if (borrowed_) {
      borrowed_->is_durable = true;  // with the names, which the caller syncs
      return {};
    }
  }
  if (::fdatasync(host_.fd()) == 0) return {};
  const Status failed = Status::from_errno(errno, "sync a draft file");
  const MutexLock lock(mutex_);
  damaged_ = true;
  recorded_.reset();
  (void)context_.hashes.remember(ino_, DraftHash{0, {}, true});
  return failed;
}

std::uint64_t DraftFile::changes() const {
  const MutexLock lock(mutex_);
  return changes_;
}

std::optional<DraftHash> DraftFile::recorded() const {
  const MutexLock lock(mutex_);
  return damaged_ ? std::optional(DraftHash{0, {}, true}) : recorded_;
}

std::uint64_t DraftFile::unhashed_bytes() const {
  const MutexLock lock(mutex_);
  if (recorded_) return 0;
  if (borrowed_) return borrowed_->is_whole() ? 0 : borrowed_->size_bytes;
  const auto size = size_of(host_.fd());
  if (!size.ok()) return 0;
  return (in_order_ || kept_at_ == changes_) && *size >= hashed_ ? *size - hashed_ : *size;
}

bool DraftFile::may_block_finalize() const {
  const MutexLock lock(mutex_);
  if (hashing_ || owning_) return true;
  if (borrowed_) return !borrowed_->is_whole();
  const auto size = size_of(host_.fd());
  return !size.ok() || *size >= kSyncedBytesMin;
}

}  // namespace modelfs
