#include "drafts/draft_attributes.h"

#include <sys/stat.h>

#include <cerrno>

#include "base/names.h"
#include "base/time.h"
#include "catalog/keys.h"
#include "drafts/holes.h"

namespace modelfs {

Result<DraftInode> DraftAttributes::setattr(Ino ino, const DraftChange& change, const DraftFile::GivenUp& given_up) {
  const auto changed = change_record(ino, change);
  if (!changed.ok()) return changed.status();
  DraftFile* const file = changed->get();
  if (file != nullptr && change.size_bytes) {
    if (Status status = set_size(*file, *change.size_bytes, given_up); !status.ok()) return status;
  }
  if (file != nullptr && (change.atime || change.mtime)) {
    const timespec omit{0, UTIME_OMIT};
    const timespec times[2] = {change.atime ? to_timespec(*change.atime) : omit,
                               change.mtime ? to_timespec(*change.mtime) : omit};
    if (::futimens(file->host(), times) != 0) return Status::from_errno(errno, "set times");
  }
  return inodes_.stat(ino);
}

Result<std::shared_ptr<DraftFile>> DraftAttributes::change_record(Ino ino, const DraftChange& change) {
  std::shared_ptr<DraftFile> file;
  const NamesLock::Held held(names_);
  if (Status status = held.check_unfrozen({ino}); !status.ok()) return status;
  auto found = records_.inode(ino);
  if (!found.ok()) return found.status();
  const bool sets_times = change.atime || change.mtime;
  // Borrowed bytes have no times of their own.
  if (found->type == FileType::Regular && (change.size_bytes || (sets_times && !found->blob))) {
    auto opened = opens_.file_of(held, ino, change.size_bytes.has_value());
    if (!opened.ok()) return opened.status();
    file = std::move(*opened);
  } else {
    if (change.atime) found->atime = *change.atime;
    if (change.mtime) found->mtime = *change.mtime;
  }
  if (change.mode) found->owner.mode = *change.mode & 07777;
  if (change.uid) found->owner.uid = *change.uid;
  if (change.gid) found->owner.gid = *change.gid;
  found->ctime = now();
  Batch batch;
  batch.put(keys::draft_inode(ino), found->encode());
  if (Status status = records_.commit(batch, SpaceNeed::Reclaims); !status.ok()) return status;
  return file;
}

Status DraftAttributes::set_size(DraftFile& file, std::uint64_t size_bytes, const DraftFile::GivenUp& given_up) {
  if (Status status = file.truncate(size_bytes); !status.ok()) return status;
  if (opens_.has_writer(file.ino())) return {};
  // Nobody's close will hash it.
  if (hole_bytes(file.host(), kCloseHoleBytesMax) > kCloseHoleBytesMax) return {};
  const Status status = file.finalize(DraftFile::SettleFor::LaterCommit, given_up);
  const bool is_left = status.code() == Code::Busy || status.code() == Code::Conflict ||
                       status.code() == Code::Interrupted;  // to who publishes it
  return is_left ? Status() : status;
}

Result<std::string> DraftAttributes::getxattr(Ino ino, std::string_view name) const {
  const auto value = records_.keys().get(keys::attribute(ino, name));
  if (value.code() == Code::NotFound) return Status(Code::NoAttribute, "no attribute " + printable(name));
  if (!value.ok()) return value.status();
  return value->substr(1);  // values of the store are never empty, values of attributes may be
}

Result<std::vector<std::string>> DraftAttributes::listxattr(Ino ino) const {
  const auto snapshot = records_.keys().snapshot();
  if (!snapshot.ok()) return snapshot.status();
  std::vector<std::string> names;
  const std::string prefix = keys::attributes(ino);
  const Status scanned = (*snapshot)->scan(prefix, "", [&](std::string_view key, std::string_view) {
    names.emplace_back(key.substr(prefix.size()));
    return true;
  });
  if (!scanned.ok()) return scanned;
  return names;
}

Status DraftAttributes::setxattr(Ino ino, std::string_view name, std::string_view value, AttributeMode mode) {
  if (value.size() > kAttributeBytesMax) return {Code::TooLarge, "an attribute's value has at most 65536 bytes"};
  const NamesLock::Held held(names_);
  if (Status status = held.check_unfrozen({ino}); !status.ok()) return status;
  auto found = records_.inode(ino);
  if (!found.ok()) return found.status();
  const bool there = getxattr(ino, name).ok();
  if (there && mode == AttributeMode::Create) {
    return {Code::AlreadyExists, "'" + printable(name) + "' exists already"};
  }
  if (!there && mode == AttributeMode::Replace) return {Code::NoAttribute, "no attribute " + printable(name)};
  found->ctime = now();
  Batch batch;
  batch.put(keys::attribute(ino, name), std::string("=").append(value));
  batch.put(keys::draft_inode(ino), found->encode());
  return records_.commit(batch, SpaceNeed::Grows);
}

Status DraftAttributes::removexattr(Ino ino, std::string_view name) {
  const NamesLock::Held held(names_);
  if (Status status = held.check_unfrozen({ino}); !status.ok()) return status;
  auto found = records_.inode(ino);
  if (!found.ok()) return found.status();
  if (const auto there = getxattr(ino, name); !there.ok()) return there.status();
  found->ctime = now();
  Batch batch;
  batch.erase(keys::attribute(ino, name));
  batch.put(keys::draft_inode(ino), found->encode());
  return records_.commit(batch, SpaceNeed::Reclaims);
}

}  // namespace modelfs
