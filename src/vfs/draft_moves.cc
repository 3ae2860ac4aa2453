// Moving drafts, beside commits that take their directories away.
#include "vfs/state.h"

namespace modelfs {

using Kind = Place::Kind;

// Why asked afterwards: until the names' lock was ours the directory may have been published and swept, and a name in a
// directory that is no draft any more is one that nobody sees. Nodes flip before the sweep.
bool FileSystem::State::was_published_meanwhile(const Place& directory) const {
  if (directory.kind != Kind::Draft) return false;
  const auto now_there = nodes.find(directory.ino);
  return now_there && now_there->place.kind != Kind::Draft && !now_there->place.is_release_directory();
}

// The kernel moves a name with all that it believes of it, also to where nothing is believed.
void FileSystem::State::doubt_moved(const Place& directory, std::string_view name) {
  if (holds_believed_drafts(directory)) return;
  kernel.forget_name_behind(directory.ino, std::string(name), KernelCache::Wait::None);
}

Status FileSystem::State::exchange_drafts(const Place& from, std::string_view name, const Place& to,
                                          std::string_view new_name) {
  const Status exchanged = registry.drafts().exchange(from.ino, name, to.ino, new_name);
  if (!exchanged.ok()) return exchanged;
  doubt_moved(to, new_name);
  doubt_moved(from, name);
  return {};
}

Status FileSystem::State::move_draft(FileType type, const Place& from, std::string_view name, const Place& to,
                                     std::string_view new_name, bool replace) {
  DraftStore& drafts = registry.drafts();
  wait_for_sweep(to);
  if (Status status = drafts.rename(from.ino, name, to.ino, new_name, replace); !status.ok()) return status;
  if (!was_published_meanwhile(to)) {
    if (type == FileType::Directory) doubt_moved(to, new_name);
    return {};
  }
  if (Status status = drafts.rename(to.ino, new_name, from.ino, name, false); !status.ok()) return status;
  return {Code::AlreadyExists, "where it was to go was published a moment ago; use the next number"};
}

Status FileSystem::State::check_others_draft(const Credentials& who, const Place& directory, std::string_view name) {
  if (who.uid == 0 || !(is_in_place(directory) || directory.kind == Kind::Stage)) return {};
  const auto there = registry.drafts().lookup(directory.ino, name);
  const auto inode = there.ok() ? registry.drafts().stat(there->ino) : Result<DraftInode>(there.status());
  if (!inode.ok()) return inode.code() == Code::NotFound ? Status() : inode.status();
  const auto owner = owner_of_directory(directory);
  if (!owner.ok()) return owner.status();
  return authorise_moving(who, inode->record.owner.uid, owner->uid, "'" + printable(name) + "'");
}

Status FileSystem::State::clear_empty_target(const Credentials& who, const Place& place, std::string_view name,
                                             bool replace) {
  const Ino directory = place.ino;
  const auto there = registry.drafts().lookup(directory, name);
  if (!there.ok()) return there.code() == Code::NotFound ? Status() : there.status();
  if (Status status = check_others_draft(who, place, name); !status.ok()) return status;
  if (!replace) return {Code::AlreadyExists, "a draft lies under that name; commit it, move it or remove it"};
  return registry.drafts().rmdir(directory, name);  // as rename(2) does: an empty directory only
}

}  // namespace modelfs
