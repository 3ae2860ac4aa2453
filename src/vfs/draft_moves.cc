// Moving drafts, beside commits that take their directories away.
#include "vfs/commit_wait.h"
#include "vfs/state.h"

namespace modelfs {

using Kind = Node::Kind;

// Why asked afterwards: until the names' lock was ours the directory may have been published and swept, and a name in a
// directory that is no draft any more is one that nobody sees. Nodes flip before the sweep.
bool FileSystem::State::was_published_meanwhile(const Node& directory) const {
  if (directory.kind != Kind::Draft) return false;
  const auto now_there = nodes.find(directory.ino);
  return now_there && now_there->place.kind != Kind::Draft && !now_there->place.is_release_directory();
}

// The kernel moves a name with all that it believes of it, also to where nothing is believed.
void FileSystem::State::doubt_moved(const Node& directory, std::string_view name) {
  if (holds_believed_drafts(directory)) return;
  kernel.invalidate_entry_later(directory.ino, std::string(name), KernelCache::Wait::None);
}

Status FileSystem::State::exchange_drafts(const Node& from, std::string_view name, const Node& to,
                                          std::string_view new_name) {
  const Status exchanged = registry.drafts().tree().exchange(from.ino, name, to.ino, new_name);
  if (!exchanged.ok()) return exchanged;
  doubt_moved(to, new_name);
  doubt_moved(from, name);
  return {};
}

Status FileSystem::State::move_draft(FileType type, const Node& from, std::string_view name, const Node& to,
                                     std::string_view new_name, bool replace) {
  DraftStore& drafts = registry.drafts();
  const Status taken(Code::AlreadyExists, "where it was to go was published a moment ago; use the next number");
  wait_for_sweep(to);
  Status moved = drafts.tree().rename(from.ino, name, to.ino, new_name, replace);
  // Whether the commit that has frozen one of them takes the place away is known when it has ended.
  CommitWait wait;
  while (moved.code() == Code::Busy && to.kind == Kind::Draft && wait.go_on()) {
    if (was_published_meanwhile(to)) return taken;
    moved = drafts.tree().rename(from.ino, name, to.ino, new_name, replace);
  }
  // A commit is durable a moment before the nodes say so.
  if (!moved.ok()) return was_published_meanwhile(to) || drafts.tree().is_dead(to.ino) ? taken : moved;
  if (!was_published_meanwhile(to)) {
    if (type == FileType::Directory) doubt_moved(to, new_name);
    return {};
  }
  if (Status status = drafts.tree().rename(to.ino, new_name, from.ino, name, false); !status.ok()) return status;
  return taken;
}

Status FileSystem::State::check_others_draft(const Credentials& who, const Node& directory, std::string_view name) {
  if (who.uid == 0 || !(is_in_place(directory) || directory.kind == Kind::Stage)) return {};
  const auto there = registry.drafts().tree().lookup(directory.ino, name);
  const auto inode = there.ok() ? registry.drafts().tree().stat(there->ino) : Result<DraftInode>(there.status());
  if (!inode.ok()) return inode.code() == Code::NotFound ? Status() : inode.status();
  const auto owner = owner_of_directory(directory);
  if (!owner.ok()) return owner.status();
  return authorise_moving(who, inode->record.owner.uid, owner->uid, "'" + printable(name) + "'");
}

Status FileSystem::State::remove_draft_directory(const Node& parent, std::string_view name) {
  const Node directory = layouts.draft(parent, name, kNoIno, FileType::Directory);
  if (directory.domain.empty()) return registry.drafts().tree().rmdir(parent.ino, name);
  return registry.drafts().tree().rmdir(parent.ino, name, [&]() -> Status {
    const auto domain = DomainName::parse(directory.domain);
    const auto stored = registry.snapshot();
    if (!domain.ok() || !stored.ok()) return domain.ok() ? stored.status() : domain.status();
    const auto is_used = stored->has_placement_in(*domain, directory.target);
    if (!is_used.ok()) return is_used.status();
    return *is_used ? Status(Code::NotEmpty, "what is published lies in '" + printable(name) + "'") : Status();
  });
}

Status FileSystem::State::check_shows_nothing(const Node& parent, std::string_view name) const {
  const Node directory = layouts.draft(parent, name, kNoIno, FileType::Directory);
  if (directory.domain.empty()) return {};
  const auto domain = DomainName::parse(directory.domain);
  const auto stored = registry.snapshot();
  if (!domain.ok() || !stored.ok()) return domain.ok() ? stored.status() : domain.status();
  const auto is_used = stored->has_placement_beneath(*domain, directory.target);
  if (!is_used.ok()) return is_used.status();
  if (!*is_used) return {};
  return {Code::NotPermitted, "'" + printable(name) + "' keeps its name: what is published lies in it"};
}

Status FileSystem::State::clear_empty_target(const Credentials& who, const Node& place, std::string_view name,
                                             bool replace) {
  const Ino directory = place.ino;
  const auto there = registry.drafts().tree().lookup(directory, name);
  if (!there.ok()) return there.code() == Code::NotFound ? Status() : there.status();
  if (Status status = check_others_draft(who, place, name); !status.ok()) return status;
  if (!replace) return {Code::AlreadyExists, "a draft lies under that name; commit it, move it or remove it"};
  return remove_draft_directory(place, name);  // as rename(2) does: an empty directory only
}

}  // namespace modelfs
