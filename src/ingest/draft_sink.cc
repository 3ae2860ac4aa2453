#include "ingest/draft_sink.h"

#include <utility>

#include "base/names.h"

namespace modelfs {

Status ClosingFiles::close(std::unique_ptr<DraftHandle> file) {
  {
    const MutexLock lock(mutex_);
    while (under_way_ >= kMax) closed_.wait(mutex_);
    if (!failed_.ok()) return failed_;
    ++under_way_;
  }
  threads_.submit([this, shared = std::shared_ptr<DraftHandle>(std::move(file))]() mutable {
    const Status status = shared->flush();
    shared.reset();  // the release, before anybody takes the file for closed
    const MutexLock lock(mutex_);
    if (failed_.ok()) failed_ = status;
    --under_way_;
    closed_.notify_all();
  });
  return {};
}

Status ClosingFiles::finish() {
  const MutexLock lock(mutex_);
  while (under_way_ > 0) closed_.wait(mutex_);
  return failed_;
}

Status DraftSink::begin(const ArchiveMember& member) {
  if (Status status = drafts_.shutdown().check_not_over(); !status.ok()) return status;
  if (member.number == 0) return {};
  // Before the first of its bytes is written, and not when the disk is full of them.
  if (Status status = drafts_.space().check(member.stored_bytes); !status.ok() && member.stored_bytes > 0) {
    return {status.code(), "there is no room for member '" + printable(member.name) + "' of " +
                               std::to_string(member.stored_bytes) + " bytes: " + status.message()};
  }
  if (member.link_to) {
    const auto made = drafts_.tree().link(inos_[*member.link_to], inos_[member.parent], member.name);
    if (!made.ok()) return made.status();
    return add(member.number, made->ino);
  }
  NewDraft fresh;
  fresh.type = member.type;
  fresh.owner = {who_.uid, who_.gid, member.implied ? kUnnamedDirectoryMode : member.mode & 0777};
  fresh.target = member.target;
  const auto made = drafts_.tree().make(inos_[member.parent], member.name, fresh);
  if (!made.ok()) return made.status();
  if (Status status = add(member.number, made->ino); !status.ok()) return status;
  if (Status status = set_attributes(made->ino, member); !status.ok()) return status;
  if (member.type == FileType::Directory) {
    if (!member.implied) directory_times_[member.number] = member.mtime;
    return {};
  }
  if (member.type == FileType::Symlink) return set_time(made->ino, member.mtime);
  auto handle = drafts_.files().open(made->ino, true, 0);
  if (!handle.ok()) return handle.status();
  handle_ = std::move(*handle);
  mtime_ = member.mtime;
  written_ = 0;
  return {};
}

Status DraftSink::write(std::uint64_t offset_bytes, ByteView bytes) {
  if (Status status = drafts_.shutdown().check_not_over(); !status.ok()) return status;
  written_ = offset_bytes + bytes.size();
  return handle_->write(offset_bytes, bytes);
}

Status DraftSink::end(std::uint64_t size_bytes) {
  auto handle = std::exchange(handle_, nullptr);
  if (size_bytes > written_) {
    if (Status status = handle->file().truncate(size_bytes); !status.ok()) return status;  // ends in a hole
  }
  // Why before the close: nothing may change the file once it is hashed.
  if (Status status = set_time(handle->file().ino(), mtime_); !status.ok()) return status;
  // Small files are not synced one by one, and hashing them costs less than handing them over.
  if (size_bytes < DraftFile::kSyncedBytesMin) return handle->flush();
  return closing_.close(std::move(handle));
}

Status DraftSink::describe(const ArchiveMember& directory) {
  directory_times_[directory.number] = directory.mtime;
  DraftChange change;
  change.mode = directory.mode & 0777;
  const auto changed = drafts_.attributes().setattr(inos_[directory.number], change);
  if (!changed.ok()) return changed.status();
  return set_attributes(inos_[directory.number], directory);
}

Status DraftSink::set_attributes(Ino ino, const ArchiveMember& member) {
  for (const MemberAttribute& each : member.attributes) {
    const Status status = drafts_.attributes().setxattr(ino, each.name, each.value, AttributeMode::Set);
    if (!status.ok()) return status;
  }
  return {};
}

Status DraftSink::finish() {
  for (const auto& [number, mtime] : directory_times_) {
    if (Status status = set_time(inos_[number], mtime); !status.ok()) return status;
  }
  return closing_.finish();
}

Status DraftSink::add(std::uint32_t number, Ino ino) {
  if (number != inos_.size()) return {Code::Internal, "members come out of order"};
  inos_.push_back(ino);
  return {};
}

Status DraftSink::set_time(Ino ino, TimeNs mtime) {
  DraftChange change;
  change.mtime = mtime;
  change.atime = mtime;
  const auto changed = drafts_.attributes().setattr(ino, change);
  return changed.ok() ? Status() : changed.status();
}

}  // namespace modelfs
