// Open draft files: handles, and what is shared between them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/log.h"
#include "catalog/keys.h"
#include "catalog/records.h"
#include "drafts/draft_store.h"
#include "drafts/holes.h"

namespace modelfs {

DraftHandle::DraftHandle(DraftStore& store, std::shared_ptr<DraftFile> file, bool writes, pid_t pid)
    : store_(store), file_(std::move(file)), writes_(writes), pid_(pid) {
  const MutexLock lock(store_.opens_mutex_);
  store_.opens_[raw(file_->ino())].handles.push_back(this);
}

DraftHandle::~DraftHandle() { store_.release(*this); }

Status DraftHandle::write(std::uint64_t offset_bytes, ByteView bytes) {
  if (!writes_) return {Code::BadHandle, "the file is not open for writing"};
  {
    const MutexLock lock(store_.opens_mutex_);
    closing_ = false;
  }
  if (offset_bytes == 0) {
    if (auto written = store_.write_small(*this, bytes)) return *written;
  }
  return file_->write(offset_bytes, bytes);
}

Status DraftHandle::allocate(int mode, std::uint64_t offset_bytes, std::uint64_t length_bytes) {
  if (!writes_) return {Code::BadHandle, "the file is not open for writing"};
  {
    const MutexLock lock(store_.opens_mutex_);
    closing_ = false;
  }
  return file_->allocate(mode, offset_bytes, length_bytes);
}

Status DraftHandle::flush(const DraftFile::GivenUp& given_up) {
  if (!writes_) return {};
  {
    const MutexLock lock(store_.opens_mutex_);
    closing_ = true;
    if (store_.has_open_writer(file_->ino())) return {};
  }
  if (hole_bytes(file_->host(), kCloseHoleBytesMax) > kCloseHoleBytesMax) return {};  // who publishes it hashes it
  const Status status = file_->finalize(DraftFile::SettleFor::LaterCommit, given_up);
  const bool is_left = status.code() == Code::Busy || status.code() == Code::Conflict ||
                       status.code() == Code::Interrupted;  // to a later close, or to who publishes it
  return is_left ? Status() : status;
}

bool DraftStore::has_open_writer(Ino ino) const {
  const auto found = opens_.find(raw(ino));
  if (found == opens_.end()) return false;
  const auto& handles = found->second.handles;
  return std::any_of(handles.begin(), handles.end(),
                     [](const DraftHandle* handle) { return handle->writes_ && !handle->closing_; });
}

Result<std::shared_ptr<DraftFile>> DraftStore::file_of(Ino ino, bool writes) {
  {
    const MutexLock lock(opens_mutex_);
    const auto found = opens_.find(raw(ino));
    auto file = found == opens_.end() ? nullptr : found->second.file.lock();
    if (!file) {
      if (const auto borrower = borrowers_.find(raw(ino)); borrower != borrowers_.end()) file = borrower->second.lock();
    }
    struct stat info {};
    // Why the link count: a commit may have made a blob of the very file since it was opened.
    const bool fits = file && (!writes || file->is_borrowed() ||
                               (file->writable() && ::fstat(file->host(), &info) == 0 && info.st_nlink == 1));
    if (fits) return file;
    if (file) file->supersede();
  }
  const auto stored = record(ino);
  if (!stored.ok()) return stored.status();
  std::optional<DraftFile::Borrowed> borrowed;
  File host;
  if (stored->blob) {
    Result<std::shared_ptr<const BlobExtent>> from = stored->blob->size_bytes == 0
                                                         ? BlobExtent::holding(stored->blob->hash, "")
                                                         : BlobExtent::open(keys_, blobs_, stored->blob->hash.digest);
    if (!from.ok()) return from.status();
    const std::uint64_t size_bytes = std::min(stored->blob->size_bytes, (*from)->size_bytes());
    borrowed = DraftFile::Borrowed{std::move(*from), size_bytes};
  } else {
    if (Status status = writes ? unshare(ino) : Status(); !status.ok()) return status;
    auto opened = open_host(ino, writes);
    if (!opened.ok()) return opened.status();
    host = std::move(*opened);
  }
  std::optional<DraftHash> hash;
  if (const auto value = stored_sum(ino); value.ok()) {
    if (auto decoded = DraftHash::decode(*value); decoded.ok()) hash = *decoded;
  }
  // Why writable: what is borrowed must be one file for all who have it open, also for those who write later.
  auto file = std::make_shared<DraftFile>(ino, std::move(host), writes || borrowed, hash, std::move(borrowed),
                                          static_cast<DraftFileHost&>(*this), workers_, stored->owner.uid);
  const MutexLock lock(opens_mutex_);
  if (stored->blob) add_borrower(file);
  // Why even without a handle: two users of one file must share its hash.
  if (const auto found = opens_.find(raw(ino)); found != opens_.end()) found->second.file = file;
  return file;
}

Result<std::unique_ptr<DraftHandle>> DraftStore::open_file(Ino ino, bool writes, pid_t pid) {
  const MutexLock lock(names_mutex_);
  if (writes) {
    if (Status status = check_unfrozen({ino}); !status.ok()) return status;
  }
  const auto found = record(ino);
  if (!found.ok()) return found.status();
  if (found->type != FileType::Regular) return Status(Code::InvalidArgument, "not a regular file");
  auto file = file_of(ino, writes);
  if (!file.ok()) return file.status();
  auto handle = std::make_unique<DraftHandle>(*this, *file, writes, pid);
  const MutexLock opens(opens_mutex_);
  opens_[raw(ino)].file = *file;
  return handle;
}

bool DraftStore::follow(Ino ino, const std::shared_ptr<WriteListener>& follower) {
  std::shared_ptr<DraftFile> file;
  {
    const MutexLock lock(opens_mutex_);
    if (!has_open_writer(ino)) return false;
    file = opens_.find(raw(ino))->second.file.lock();
  }
  return file && file->follow(follower);
}

void DraftStore::release(DraftHandle& handle) {
  const Ino ino = handle.file_->ino();
  bool last = false;
  bool last_writer = false;
  {
    const MutexLock lock(opens_mutex_);
    const auto found = opens_.find(raw(ino));
    if (found != opens_.end()) {
      std::erase(found->second.handles, &handle);
      last = found->second.handles.empty();
      last_writer = handle.writes_ && !has_open_writer(ino);
      if (last) opens_.erase(found);
    }
  }
  released_.notify_all();
  if (last) {
    const auto found = record(ino);
    if (found.ok() && found->link_count == 0) {
      file_retired(ino);
      return;
    }
  }
  if (last_writer && handle.file_->unhashed_bytes() > 0 &&
      hole_bytes(handle.file_->host(), kCloseHoleBytesMax) <= kCloseHoleBytesMax) {
    // Written after its last close, or never closed properly: hash it now, so that a commit need not.
    finalize_behind(handle.file_);
  }
}

void DraftStore::finalize_behind(const std::shared_ptr<DraftFile>& file) {
  {
    // Whoever asks again, or opens it, must find this one: it would be hashed twice, or as it was before a change.
    const MutexLock lock(opens_mutex_);
    add_borrower(file);
  }
  file->finalize_behind();
}

}  // namespace modelfs
