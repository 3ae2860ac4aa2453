// Names and attributes of drafts: what mkdir, link, unlink, rename and setattr do.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "catalog/keys.h"
#include "drafts/draft_store.h"
#include "drafts/holes.h"

namespace modelfs {
namespace {

Status exists(std::string_view name) { return {Code::AlreadyExists, "'" + printable(name) + "' exists already"}; }

}  // namespace

Status DraftStore::check_unfrozen(std::initializer_list<Ino> inos) const {
  if (frozen_.empty() && dead_.empty()) return {};
  for (const Ino ino : inos) {
    if (dead_.contains(raw(ino))) return {Code::Immutable, "it was published a moment ago"};
    if (frozen_.contains(raw(ino))) return {Code::Busy, "it is being published; try again when that has ended"};
  }
  return {};
}

Status DraftStore::check_parent(Ino directory) const {
  const auto found = record(directory);
  if (!found.ok()) return found.code() == Code::NotFound ? Status() : found.status();
  if (found->type != FileType::Directory) return {Code::NotADirectory, "not a directory"};
  return {};
}

void DraftStore::touch_directory(Ino directory, int subdirectories, Batch& batch) const {
  auto found = record(directory);
  DraftRecord changed = found.ok() ? std::move(*found) : DraftRecord{};
  if (!found.ok()) changed.type = FileType::Directory;  // a committed place: only its times are kept here
  changed.link_count = static_cast<std::uint32_t>(static_cast<int>(changed.link_count) + subdirectories);
  changed.mtime = changed.ctime = now();
  batch.put(keys::draft_inode(directory), changed.encode());
}

Status DraftStore::hold_directory(Ino directory, Batch& batch) const {
  auto found = record(directory);
  if (!found.ok()) return found.status();
  batch.expect(keys::draft_inode(directory), found->encode());
  found->mtime = found->ctime = now();
  batch.put(keys::draft_inode(directory), found->encode());
  return {};
}

Result<DraftInode> DraftStore::make(Ino directory, std::string_view name, const NewDraft& fresh) {
  if (Status status = check_file_name(name); !status.ok()) return status;
  if (fresh.target.size() > kSymlinkBytesMax)
    return Status(Code::NameTooLong, "a symlink's target has at most 4095 bytes");
  const auto ino = inos_.take();
  if (!ino.ok()) return ino.status();
  DraftRecord made;
  made.type = fresh.type;
  made.owner = fresh.owner;
  made.target = fresh.target;
  made.atime = made.mtime = made.ctime = now();
  // Why no host file: most files are small and written at once, and end in the catalog.
  if (fresh.type == FileType::Regular) made.blob = empty_blob_;
  const bool is_directory = fresh.type == FileType::Directory;
  if (is_directory) {
    made.link_count = 2;
    made.parent = directory;
  }

  const MutexLock lock(names_mutex_);
  if (Status status = check_unfrozen({directory}); !status.ok()) return status;
  if (Status status = check_parent(directory); !status.ok()) return status;
  const auto taken = entry(directory, name);
  if (taken.ok()) return exists(name);
  if (taken.code() != Code::NotFound) return taken.status();
  Batch batch;
  batch.put(keys::draft_inode(*ino), made.encode());
  batch.put(keys::draft_entry(directory, name), DraftEntry{*ino, fresh.type}.encode());
  touch_directory(directory, is_directory ? 1 : 0, batch);
  if (Status status = commit(batch, SpaceNeed::Grows); !status.ok()) return status;
  return present(*ino, std::move(made));
}

Result<DraftInode> DraftStore::link(Ino file, Ino directory, std::string_view name) {
  if (Status status = check_file_name(name); !status.ok()) return status;
  const MutexLock lock(names_mutex_);
  if (Status status = check_unfrozen({directory, file}); !status.ok()) return status;
  auto found = record(file);
  if (!found.ok()) return found.status();
  if (found->type == FileType::Directory) return Status(Code::NotPermitted, "a directory has one name only");
  if (found->link_count == 0) return Status(Code::NotFound, "the file has no name any more");
  const auto taken = entry(directory, name);
  if (taken.ok()) return exists(name);
  if (taken.code() != Code::NotFound) return taken.status();
  found->link_count += 1;
  found->ctime = now();
  Batch batch;
  batch.put(keys::draft_inode(file), found->encode());
  batch.put(keys::draft_entry(directory, name), DraftEntry{file, found->type}.encode());
  touch_directory(directory, 0, batch);
  if (Status status = commit(batch, SpaceNeed::Grows); !status.ok()) return status;
  return present(file, std::move(*found));
}

void DraftStore::drop_name(Ino ino, DraftRecord dropped, Batch& batch, std::vector<Ino>& gone) {
  dropped.link_count -= dropped.type == FileType::Directory ? dropped.link_count : 1;
  dropped.ctime = now();
  bool is_open = false;
  {
    const MutexLock lock(opens_mutex_);
    is_open = opens_.contains(raw(ino));
  }
  if (dropped.link_count > 0 || (is_open && dropped.type == FileType::Regular)) {
    batch.put(keys::draft_inode(ino), dropped.encode());
    if (dropped.link_count == 0) batch.put(keys::nameless(ino), "1");
    return;
  }
  batch.erase(keys::draft_inode(ino));
  batch.erase(keys::draft_hash(ino));
  batch.erase_prefix(keys::attributes(ino));
  if (dropped.type == FileType::Regular) gone.push_back(ino);
}

Status DraftStore::unlink(Ino directory, std::string_view name) {
  std::vector<Ino> gone;
  const MutexLock lock(names_mutex_);
  if (Status status = check_unfrozen({directory}); !status.ok()) return status;
  const auto target = entry(directory, name);
  if (!target.ok()) return target.status();
  if (target->type == FileType::Directory) return {Code::IsADirectory, "'" + printable(name) + "' is a directory"};
  auto found = record(target->ino);
  if (!found.ok()) return found.status();
  note_gc_candidate(*found);
  Batch batch;
  batch.erase(keys::draft_entry(directory, name));
  touch_directory(directory, 0, batch);
  drop_name(target->ino, std::move(*found), batch, gone);
  if (Status status = commit(batch, SpaceNeed::Reclaims); !status.ok()) return status;
  remove_host_files(gone);
  return {};
}

Status DraftStore::rmdir(Ino directory, std::string_view name, const std::function<Status()>& check) {
  std::vector<Ino> gone;
  const MutexLock lock(names_mutex_);
  const auto target = entry(directory, name);
  if (!target.ok()) return target.status();
  if (Status status = check_unfrozen({directory, target->ino}); !status.ok()) return status;
  if (target->type != FileType::Directory) return {Code::NotADirectory, "'" + printable(name) + "' is no directory"};
  auto found = record(target->ino);
  if (!found.ok()) return found.status();
  Batch batch;
  // Why: a commit may put a name into it that is no draft's, without our lock.
  batch.expect(keys::draft_inode(target->ino), found->encode());
  if (!is_empty(target->ino)) return {Code::NotEmpty, "'" + printable(name) + "' is not empty"};
  if (Status status = check ? check() : Status(); !status.ok()) return status;
  batch.erase(keys::draft_entry(directory, name));
  touch_directory(directory, -1, batch);
  drop_name(target->ino, std::move(*found), batch, gone);
  const Status status = commit(batch, SpaceNeed::Reclaims);
  if (status.code() == Code::Conflict)
    return {Code::NotEmpty, "something has just come into '" + printable(name) + "'"};
  return status;
}

Status DraftStore::check_no_cycle(Ino moved, Ino new_directory) const {
  for (Ino at = new_directory;;) {
    if (at == moved) return {Code::InvalidArgument, "a directory cannot be moved into itself"};
    const auto found = record(at);
    if (!found.ok() || found->parent == kNoIno) return {};
    at = found->parent;
  }
}

Status DraftStore::rename(Ino directory, std::string_view name, Ino new_directory, std::string_view new_name,
                          bool replace) {
  if (Status status = check_file_name(new_name); !status.ok()) return status;
  std::vector<Ino> gone;
  const MutexLock lock(names_mutex_);
  const auto source = entry(directory, name);
  if (!source.ok()) return source.status();
  if (Status status = check_unfrozen({directory, new_directory, source->ino}); !status.ok()) return status;
  const bool is_directory = source->type == FileType::Directory;
  auto moved = record(source->ino);
  if (!moved.ok()) return moved.status();
  if (is_directory) {
    if (Status status = check_no_cycle(source->ino, new_directory); !status.ok()) return status;
  }
  Batch batch;
  const auto target = entry(new_directory, new_name);
  if (!target.ok() && target.code() != Code::NotFound) return target.status();
  if (target.ok()) {
    if (!replace) return exists(new_name);
    if (target->ino == source->ino) return {};
    if (Status status = check_unfrozen({target->ino}); !status.ok()) return status;
    if (is_directory && target->type != FileType::Directory) return {Code::NotADirectory, "the target is no directory"};
    if (!is_directory && target->type == FileType::Directory) return {Code::IsADirectory, "the target is a directory"};
    if (is_directory && !is_empty(target->ino)) return {Code::NotEmpty, "'" + printable(new_name) + "' is not empty"};
    auto replaced = record(target->ino);
    if (!replaced.ok()) return replaced.status();
    note_gc_candidate(*replaced);
    drop_name(target->ino, std::move(*replaced), batch, gone);
  }
  batch.erase(keys::draft_entry(directory, name));
  batch.put(keys::draft_entry(new_directory, new_name), DraftEntry{source->ino, source->type}.encode());
  if (is_directory) moved->parent = new_directory;
  moved->ctime = now();
  batch.put(keys::draft_inode(source->ino), moved->encode());
  const int replaced_directory = is_directory && target.ok() ? 1 : 0;
  const bool same = directory == new_directory;
  touch_directory(directory, same ? -replaced_directory : is_directory ? -1 : 0, batch);
  if (!same) touch_directory(new_directory, is_directory ? 1 - replaced_directory : 0, batch);
  if (Status status = commit(batch, SpaceNeed::Reclaims); !status.ok()) return status;
  remove_host_files(gone);
  return {};
}

Status DraftStore::exchange(Ino directory, std::string_view name, Ino other_directory, std::string_view other_name) {
  const MutexLock lock(names_mutex_);
  const auto one = entry(directory, name);
  if (!one.ok()) return one.status();
  const auto other = entry(other_directory, other_name);
  if (!other.ok()) return other.status();
  if (Status status = check_unfrozen({directory, other_directory, one->ino, other->ino}); !status.ok()) return status;
  if (one->ino == other->ino) return {};
  Batch batch;
  int moved_directories = 0;  // from `directory` to `other_directory`
  const auto place = [&](const DraftEntry& what, Ino where, std::string_view as) -> Status {
    auto found = record(what.ino);
    if (!found.ok()) return found.status();
    if (what.type == FileType::Directory) {
      if (Status status = check_no_cycle(what.ino, where); !status.ok()) return status;
      found->parent = where;
    }
    found->ctime = now();
    batch.put(keys::draft_inode(what.ino), found->encode());
    batch.put(keys::draft_entry(where, as), what.encode());
    return {};
  };
  if (Status status = place(*one, other_directory, other_name); !status.ok()) return status;
  if (Status status = place(*other, directory, name); !status.ok()) return status;
  moved_directories += one->type == FileType::Directory ? 1 : 0;
  moved_directories -= other->type == FileType::Directory ? 1 : 0;
  const bool same = directory == other_directory;
  touch_directory(directory, same ? 0 : -moved_directories, batch);
  if (!same) touch_directory(other_directory, moved_directories, batch);
  return commit(batch, SpaceNeed::Reclaims);
}

Result<DraftInode> DraftStore::setattr(Ino ino, const DraftChange& change, const DraftFile::GivenUp& given_up) {
  std::shared_ptr<DraftFile> file;
  {
    const MutexLock lock(names_mutex_);
    if (Status status = check_unfrozen({ino}); !status.ok()) return status;
    auto found = record(ino);
    if (!found.ok()) return found.status();
    const bool sets_times = change.atime || change.mtime;
    // Borrowed bytes have no times of their own.
    if (found->type == FileType::Regular && (change.size_bytes || (sets_times && !found->blob))) {
      auto opened = file_of(ino, change.size_bytes.has_value());
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
    if (Status status = commit(batch, SpaceNeed::Reclaims); !status.ok()) return status;
  }
  if (file && change.size_bytes) {
    if (Status status = file->truncate(*change.size_bytes); !status.ok()) return status;
    bool being_written = false;
    {
      const MutexLock lock(opens_mutex_);
      being_written = has_open_writer(ino);
    }
    if (!being_written && hole_bytes(file->host(), kCloseHoleBytesMax) <= kCloseHoleBytesMax) {  // nobody's close will
      const Status status = file->finalize(DraftFile::SettleFor::LaterCommit, given_up);
      const bool is_left = status.code() == Code::Busy || status.code() == Code::Conflict ||
                           status.code() == Code::Interrupted;  // to who publishes it
      if (!status.ok() && !is_left) return status;
    }
  }
  if (file && (change.atime || change.mtime)) {
    const timespec omit{0, UTIME_OMIT};
    const timespec times[2] = {change.atime ? to_timespec(*change.atime) : omit,
                               change.mtime ? to_timespec(*change.mtime) : omit};
    if (::futimens(file->host(), times) != 0) return Status::from_errno(errno, "set times");
  }
  return stat(ino);
}

// Extended attributes.

Result<std::string> DraftStore::getxattr(Ino ino, std::string_view name) const {
  const auto value = keys_.get(keys::attribute(ino, name));
  if (value.code() == Code::NotFound) return Status(Code::NoAttribute, "no attribute " + printable(name));
  if (!value.ok()) return value.status();
  return value->substr(1);  // values of the store are never empty, values of attributes may be
}

Result<std::vector<std::string>> DraftStore::listxattr(Ino ino) const {
  const auto snapshot = keys_.snapshot();
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

Status DraftStore::setxattr(Ino ino, std::string_view name, std::string_view value, AttributeMode mode) {
  if (value.size() > kAttributeBytesMax) return {Code::TooLarge, "an attribute's value has at most 65536 bytes"};
  const MutexLock lock(names_mutex_);
  if (Status status = check_unfrozen({ino}); !status.ok()) return status;
  auto found = record(ino);
  if (!found.ok()) return found.status();
  const bool there = getxattr(ino, name).ok();
  if (there && mode == AttributeMode::Create) return exists(name);
  if (!there && mode == AttributeMode::Replace) return {Code::NoAttribute, "no attribute " + printable(name)};
  found->ctime = now();
  Batch batch;
  batch.put(keys::attribute(ino, name), std::string("=").append(value));
  batch.put(keys::draft_inode(ino), found->encode());
  return commit(batch, SpaceNeed::Grows);
}

Status DraftStore::removexattr(Ino ino, std::string_view name) {
  const MutexLock lock(names_mutex_);
  if (Status status = check_unfrozen({ino}); !status.ok()) return status;
  auto found = record(ino);
  if (!found.ok()) return found.status();
  if (const auto there = getxattr(ino, name); !there.ok()) return there.status();
  found->ctime = now();
  Batch batch;
  batch.erase(keys::attribute(ino, name));
  batch.put(keys::draft_inode(ino), found->encode());
  return commit(batch, SpaceNeed::Reclaims);
}

}  // namespace modelfs
