#include "drafts/draft_tree.h"

#include "base/log.h"
#include "base/names.h"
#include "base/time.h"
#include "catalog/keys.h"
#include "drafts/draft_hashes.h"

namespace modelfs {
namespace {

Status exists(std::string_view name) { return {Code::AlreadyExists, "'" + printable(name) + "' exists already"}; }

}  // namespace

TimeNs DraftTree::names_changed(Ino place) const {
  const auto found = context_.records.inode(place);
  return found.ok() ? found->mtime : TimeNs{};
}

Status DraftTree::sync_names() {
  Batch batch;
  const auto id = boot_id();
  batch.put(keys::kBootId, id.ok() ? *id : std::string("unknown"));
  return context_.records.keys().commit(batch, Durability::Durable, SpaceNeed::Reclaims);
}

void DraftTree::touch_place(Ino place) {
  const NamesLock::Held held(context_.names);
  Batch batch;
  context_.records.touch_directory(place, 0, batch);
  const Status status = context_.records.commit(batch, SpaceNeed::Reclaims);
  if (!status.ok()) log::warn("times: {}", status.message());
}

Status DraftTree::set_place_owner(Ino place, const Ownership& owner) {
  const NamesLock::Held held(context_.names);
  auto found = context_.records.inode(place);
  DraftRecord changed = found.ok() ? std::move(*found) : DraftRecord{};
  changed.type = FileType::Directory;
  changed.owner = owner;
  changed.ctime = now();
  Batch batch;
  batch.put(keys::draft_inode(place), changed.encode());
  return context_.records.commit(batch, SpaceNeed::Reclaims);
}

Status DraftTree::check_parent(Ino directory) const {
  const auto found = context_.records.inode(directory);
  if (!found.ok()) return found.code() == Code::NotFound ? Status() : found.status();
  if (found->type != FileType::Directory) return {Code::NotADirectory, "not a directory"};
  return {};
}

Status DraftTree::check_free(Ino directory, std::string_view name) const {
  const auto taken = context_.records.entry(directory, name);
  if (taken.ok()) return exists(name);
  return taken.code() == Code::NotFound ? Status() : taken.status();
}

Status DraftTree::hold_directory(Ino directory, Batch& batch) const {
  auto found = context_.records.inode(directory);
  if (!found.ok()) return found.status();
  batch.expect(keys::draft_inode(directory), found->encode());
  found->mtime = found->ctime = now();
  batch.put(keys::draft_inode(directory), found->encode());
  return {};
}

Result<DraftInode> DraftTree::make(Ino directory, std::string_view name, const NewDraft& fresh) {
  if (Status status = check_file_name(name); !status.ok()) return status;
  if (fresh.target.size() > kSymlinkBytesMax)
    return Status(Code::NameTooLong, "a symlink's target has at most 4095 bytes");
  const auto ino = context_.inos.take();
  if (!ino.ok()) return ino.status();
  DraftRecord made;
  made.type = fresh.type;
  made.owner = fresh.owner;
  made.target = fresh.target;
  made.atime = made.mtime = made.ctime = now();
  // Why no host file: most files are small and written at once, and end in the catalog.
  if (fresh.type == FileType::Regular) made.blob = context_.references.empty_blob();
  const bool is_directory = fresh.type == FileType::Directory;
  if (is_directory) {
    made.link_count = 2;
    made.parent = directory;
  }

  const NamesLock::Held held(context_.names);
  if (Status status = held.check_unfrozen({directory}); !status.ok()) return status;
  if (Status status = check_parent(directory); !status.ok()) return status;
  if (Status status = check_free(directory, name); !status.ok()) return status;
  Batch batch;
  batch.put(keys::draft_inode(*ino), made.encode());
  batch.put(keys::draft_entry(directory, name), DraftEntry{*ino, fresh.type}.encode());
  context_.records.touch_directory(directory, is_directory ? 1 : 0, batch);
  if (Status status = context_.records.commit(batch, SpaceNeed::Grows); !status.ok()) return status;
  return context_.inodes.present(*ino, std::move(made));
}

Result<DraftInode> DraftTree::link(Ino file, Ino directory, std::string_view name) {
  if (Status status = check_file_name(name); !status.ok()) return status;
  const NamesLock::Held held(context_.names);
  if (Status status = held.check_unfrozen({directory, file}); !status.ok()) return status;
  auto found = context_.records.inode(file);
  if (!found.ok()) return found.status();
  if (found->type == FileType::Directory) return Status(Code::NotPermitted, "a directory has one name only");
  if (found->link_count == 0) return Status(Code::NotFound, "the file has no name any more");
  if (Status status = check_free(directory, name); !status.ok()) return status;
  found->link_count += 1;
  found->ctime = now();
  Batch batch;
  batch.put(keys::draft_inode(file), found->encode());
  batch.put(keys::draft_entry(directory, name), DraftEntry{file, found->type}.encode());
  context_.records.touch_directory(directory, 0, batch);
  if (Status status = context_.records.commit(batch, SpaceNeed::Grows); !status.ok()) return status;
  return context_.inodes.present(file, std::move(*found));
}

Status DraftTree::unlink(Ino directory, std::string_view name) {
  std::vector<Ino> gone;
  const NamesLock::Held held(context_.names);
  if (Status status = held.check_unfrozen({directory}); !status.ok()) return status;
  const auto target = context_.records.entry(directory, name);
  if (!target.ok()) return target.status();
  if (target->type == FileType::Directory) return {Code::IsADirectory, "'" + printable(name) + "' is a directory"};
  auto found = context_.records.inode(target->ino);
  if (!found.ok()) return found.status();
  context_.candidates.note(*found);
  Batch batch;
  batch.erase(keys::draft_entry(directory, name));
  context_.records.touch_directory(directory, 0, batch);
  context_.opens.drop_name(held, target->ino, std::move(*found), batch, gone);
  if (Status status = context_.records.commit(batch, SpaceNeed::Reclaims); !status.ok()) return status;
  context_.hosts.remove(gone);
  return {};
}

Status DraftTree::rmdir(Ino directory, std::string_view name, const std::function<Status()>& check) {
  std::vector<Ino> gone;
  const NamesLock::Held held(context_.names);
  const auto target = context_.records.entry(directory, name);
  if (!target.ok()) return target.status();
  if (Status status = held.check_unfrozen({directory, target->ino}); !status.ok()) return status;
  if (target->type != FileType::Directory) return {Code::NotADirectory, "'" + printable(name) + "' is no directory"};
  auto found = context_.records.inode(target->ino);
  if (!found.ok()) return found.status();
  Batch batch;
  // Why: a commit may put a name into it that is no draft's, without our lock.
  batch.expect(keys::draft_inode(target->ino), found->encode());
  if (!context_.records.is_empty(target->ino)) return {Code::NotEmpty, "'" + printable(name) + "' is not empty"};
  if (Status status = check ? check() : Status(); !status.ok()) return status;
  batch.erase(keys::draft_entry(directory, name));
  context_.records.touch_directory(directory, -1, batch);
  context_.opens.drop_name(held, target->ino, std::move(*found), batch, gone);
  const Status status = context_.records.commit(batch, SpaceNeed::Reclaims);
  if (status.code() == Code::Conflict)
    return {Code::NotEmpty, "something has just come into '" + printable(name) + "'"};
  return status;
}

Status DraftTree::check_no_cycle(Ino moved, Ino new_directory) const {
  for (Ino at = new_directory;;) {
    if (at == moved) return {Code::InvalidArgument, "a directory cannot be moved into itself"};
    const auto found = context_.records.inode(at);
    if (!found.ok() || found->parent == kNoIno) return {};
    at = found->parent;
  }
}

Status DraftTree::make_way(const NamesLock::Held& held, const DraftEntry& source, const DraftEntry& target,
                           std::string_view name, Batch& batch, std::vector<Ino>& gone) const {
  const bool is_directory = source.type == FileType::Directory;
  if (Status status = held.check_unfrozen({target.ino}); !status.ok()) return status;
  if (is_directory && target.type != FileType::Directory) return {Code::NotADirectory, "the target is no directory"};
  if (!is_directory && target.type == FileType::Directory) return {Code::IsADirectory, "the target is a directory"};
  if (is_directory && !context_.records.is_empty(target.ino)) {
    return {Code::NotEmpty, "'" + printable(name) + "' is not empty"};
  }
  auto replaced = context_.records.inode(target.ino);
  if (!replaced.ok()) return replaced.status();
  context_.candidates.note(*replaced);
  context_.opens.drop_name(held, target.ino, std::move(*replaced), batch, gone);
  return {};
}

Status DraftTree::rename(Ino directory, std::string_view name, Ino new_directory, std::string_view new_name,
                         bool replace) {
  if (Status status = check_file_name(new_name); !status.ok()) return status;
  std::vector<Ino> gone;
  const NamesLock::Held held(context_.names);
  const auto source = context_.records.entry(directory, name);
  if (!source.ok()) return source.status();
  if (Status status = held.check_unfrozen({directory, new_directory, source->ino}); !status.ok()) return status;
  const bool is_directory = source->type == FileType::Directory;
  auto moved = context_.records.inode(source->ino);
  if (!moved.ok()) return moved.status();
  if (is_directory) {
    if (Status status = check_no_cycle(source->ino, new_directory); !status.ok()) return status;
  }
  Batch batch;
  const auto target = context_.records.entry(new_directory, new_name);
  if (!target.ok() && target.code() != Code::NotFound) return target.status();
  if (target.ok()) {
    if (!replace) return exists(new_name);
    if (target->ino == source->ino) return {};
    const Status status = make_way(held, *source, *target, new_name, batch, gone);
    if (!status.ok()) return status;
  }
  batch.erase(keys::draft_entry(directory, name));
  batch.put(keys::draft_entry(new_directory, new_name), DraftEntry{source->ino, source->type}.encode());
  if (is_directory) moved->parent = new_directory;
  moved->ctime = now();
  batch.put(keys::draft_inode(source->ino), moved->encode());
  const int replaced_directory = is_directory && target.ok() ? 1 : 0;
  const bool same = directory == new_directory;
  context_.records.touch_directory(directory, same ? -replaced_directory : is_directory ? -1 : 0, batch);
  if (!same) context_.records.touch_directory(new_directory, is_directory ? 1 - replaced_directory : 0, batch);
  if (Status status = context_.records.commit(batch, SpaceNeed::Reclaims); !status.ok()) return status;
  context_.hosts.remove(gone);
  return {};
}

Status DraftTree::exchange(Ino directory, std::string_view name, Ino other_directory, std::string_view other_name) {
  const NamesLock::Held held(context_.names);
  const auto one = context_.records.entry(directory, name);
  if (!one.ok()) return one.status();
  const auto other = context_.records.entry(other_directory, other_name);
  if (!other.ok()) return other.status();
  if (Status status = held.check_unfrozen({directory, other_directory, one->ino, other->ino}); !status.ok())
    return status;
  if (one->ino == other->ino) return {};
  Batch batch;
  int moved_directories = 0;  // from `directory` to `other_directory`
  const auto place = [&](const DraftEntry& what, Ino where, std::string_view as) -> Status {
    auto found = context_.records.inode(what.ino);
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
  context_.records.touch_directory(directory, same ? 0 : -moved_directories, batch);
  if (!same) context_.records.touch_directory(other_directory, moved_directories, batch);
  return context_.records.commit(batch, SpaceNeed::Reclaims);
}

}  // namespace modelfs
