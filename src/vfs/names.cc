// What lookup, mkdir, symlink, link, unlink and rmdir do.
#include <sys/stat.h>

#include "vfs/commit_wait.h"
#include "vfs/state.h"

namespace modelfs {

using Kind = Node::Kind;

namespace {

// A look-up that meets a commit looks again at once, where the nodes say already what was published; then it waits,
// since between the commit and its nodes the thread that commits may have to wait for a processor.
constexpr int kLooksAtOnce = 3;

// Names of domains, releases, their faces and generations stay bound until the kernel is told; those inside a package
// for ever. What stands beside them (labels, drafts) can be bound to something else at any time.
double name_validity(const Layout& layout, const Node& parent, std::string_view name, const Node& child) {
  const bool is_domain = (parent.kind == Kind::Root && child.kind == Kind::Domain) || child.kind == Kind::Stage;
  const bool is_entry = (parent.kind == Kind::Domain || parent.kind == Kind::Entry) && child.kind == Kind::Entry;
  if (is_entry && child.index != 0) return kForeverSeconds;
  return is_domain || is_entry || layout.is_face(parent, name, child) ? kToldSeconds : 0;
}

// In the domain of `place`, where every draft that comes to be committed is a commit; none: elsewhere. In other
// layouts drafts also become something else.
std::optional<Sequence> newest_commit(const Snapshot& stored, const Node& place) {
  if (place.kind != Kind::Domain && place.kind != Kind::Entry) return std::nullopt;
  const auto domain = DomainName::parse(place.domain);
  if (!domain.ok()) return std::nullopt;
  const auto head = stored.domain(*domain);
  return head.ok() ? std::optional(head->last) : std::nullopt;
}

}  // namespace

bool FileSystem::State::has_changed(const Node& place, std::optional<Sequence> before) const {
  if (!before) return true;
  const auto stored = registry.snapshot();
  return !stored.ok() || newest_commit(*stored, place) != before;
}

void FileSystem::State::names_changed(Ino directory) {
  const auto node = nodes.find(directory);
  if (node && node->place.is_believed()) kernel.invalidate_attributes(directory);
}

Result<Entry> FileSystem::lookup(const Credentials& who, Ino parent_ino, std::string_view name) {
  State& state = *state_;
  if (name.size() > kFileNameBytesMax) return Status(Code::NameTooLong, "a name has at most 255 bytes");
  CommitWait wait;
  for (int tries = 0; tries < kLooksAtOnce || wait.go_on(); ++tries) {
    const auto parent = state.node(parent_ino);
    if (!parent.ok()) return parent.status();
    const bool shows_committed = state.layouts.shows_committed(parent->place);
    std::optional<Sequence> newest;
    if (shows_committed) {
      const auto stored = state.moment();
      if (!stored.ok()) return stored.status();
      const auto place = state.committed_child(*stored, parent->place, name);
      if (place.ok())
        return state.enter(*stored, *place, name_validity(state.layouts.of(*place), parent->place, name, *place));
      if (place.code() != Code::NotFound) return place.status();
      if (!state.layouts.holds_drafts(parent->place)) return place.status();
      newest = newest_commit(*stored, parent->place);
    }
    const auto found = state.registry.drafts().tree().lookup(parent_ino, name);
    if (!found.ok()) {
      // The directory, or what we look for, may have been published since we asked.
      const auto again = state.node(parent_ino);
      const bool flipped = again.ok() && again->place.kind != parent->place.kind;
      if (flipped) continue;
      if (shows_committed && tries == 0 && state.has_changed(parent->place, newest)) continue;
      if (const auto upload = state.client_writes.uploads.named(parent_ino, name, who)) {
        const auto inode = state.registry.drafts().tree().stat(*upload);
        if (inode.ok()) return state.enter_draft(*inode, parent->place, name);
      }
      return found.status();
    }
    const auto inode = state.registry.drafts().tree().stat(found->ino);
    if (!inode.ok()) {
      if (inode.code() == Code::NotFound) continue;
      return inode.status();
    }
    auto entry = state.enter_draft(*inode, parent->place, name);
    // Why after the node is known: whoever publishes it from now on finds and flips it.
    if (!state.registry.drafts().tree().is_dead(found->ino)) return entry;
    const auto node = state.node(found->ino);
    if (node.ok() && node->place.kind != Kind::Draft) return state.enter_known(*node);
    state.nodes.forget(found->ino, 1);
  }
  return Status(Code::Busy, "'" + printable(name) + "' is being published");
}

// Making.

Result<Ownership> FileSystem::State::owner_of_directory(const Node& place) {
  const auto shown = describe({place, false, 1});
  if (!shown.ok()) return shown.status();
  return Ownership{shown->uid, shown->gid, shown->mode};
}

Result<NewDraft> FileSystem::State::fresh(const Credentials& who, const Node& parent, FileType type,
                                          std::uint32_t mode) {
  NewDraft draft;
  draft.type = type;
  draft.owner = {who.uid, who.gid, mode & 07777};
  const auto directory = owner_of_directory(parent);
  if (!directory.ok()) return directory.status();
  if ((directory->mode & S_ISGID) != 0) {
    draft.owner.gid = directory->gid;
    if (type == FileType::Directory) draft.owner.mode |= S_ISGID;
  }
  return draft;
}

void FileSystem::State::wait_for_sweep(const Node& directory) {
  if (!is_swept_first(directory)) return;
  // If it fails, what follows says so.
  (void)registry.garbage().finish_sweeping();
}

bool FileSystem::may_block_create(Ino directory) const {
  const auto node = state_->nodes.find(directory);
  return node && (state_->is_swept_first(node->place) || state_->commits_at(node->place));
}

bool FileSystem::may_block_commit(Ino directory) const {
  const auto node = state_->nodes.find(directory);
  return node && state_->commits_at(node->place);
}

bool FileSystem::State::commits_at(const Node& directory) const {
  return options.commits_wait && directory.kind != Kind::Draft && directory.kind != Kind::Stage &&
         directory.kind != Kind::Uploads;
}

Result<Entry> FileSystem::State::enter_committed(const Node& directory, std::string_view name) {
  const auto stored = moment();
  if (!stored.ok()) return stored.status();
  const auto place = committed_child(*stored, directory, name);
  if (!place.ok()) return place.status();
  return enter(*stored, *place, name_validity(layouts.of(*place), directory, name, *place));
}

Result<Entry> FileSystem::State::make_draft(const Credentials& who, Ino parent, std::string_view name, NewDraft draft) {
  const auto directory = node(parent);
  if (!directory.ok()) return directory.status();
  auto stored = registry.snapshot();
  if (!stored.ok()) return stored.status();
  const std::string what = "make '" + printable(name) + "'";
  if (layouts.shows_committed(directory->place)) {
    if (const auto taken = committed_child(*stored, directory->place, name); taken.ok()) {
      return Status(Code::AlreadyExists, "'" + printable(name) + "' exists already");
    }
  }
  const CreateRule rule = create_rule_of(*stored, directory->place, name, draft.type);
  if (Status status = stored->failure(); !status.ok()) return status;
  stored = Status();  // what follows commits
  if (Status status = client_writes.note_use(directory->place); !status.ok()) return status;
  switch (rule.kind) {
    case CreateRule::Kind::Refused:
      if (has_reason(rule.refusal.code())) return refuse(who, parent, what, rule.refusal);
      return rule.refusal;
    case CreateRule::Kind::Domain: {
      const auto domain = DomainName::parse(name);
      const auto made = registry.domains().create(*domain, draft.owner, who);
      return made.ok() ? enter_committed(directory->place, name) : made.status();
    }
    case CreateRule::Kind::Shown:
      registry.drafts().tree().touch_place(rule.directory);
      return enter_committed(directory->place, name);
    case CreateRule::Kind::Label: {
      const auto domain = DomainName::parse(directory->place.domain);
      const auto made = registry.labels().set(*domain, name, draft.target, who);
      if (!made.ok()) return refuse(who, parent, "label '" + printable(name) + "'", made.status());
      return enter_committed(directory->place, name);
    }
    case CreateRule::Kind::Upload: {
      const auto made = client_writes.uploads.begin(who, directory->place, name, rule, draft);
      return made.ok() ? enter_draft(*made, directory->place, name) : made.status();
    }
    case CreateRule::Kind::Draft:
    case CreateRule::Kind::Release:
    case CreateRule::Kind::Generation: break;
  }
  wait_for_sweep(directory->place);
  const auto made = registry.drafts().tree().make(parent, name, draft);
  if (!made.ok()) return made.status();
  if (was_published_meanwhile(directory->place)) {
    const bool is_directory = draft.type == FileType::Directory;
    (void)(is_directory ? registry.drafts().tree().rmdir(parent, name) : registry.drafts().tree().unlink(parent, name));
    return Status(Code::Immutable, "it was published a moment ago");
  }
  names_changed(parent);
  return enter_draft(*made, directory->place, name);
}

Result<Entry> FileSystem::make_directory(const Credentials& who, Ino parent, std::string_view name,
                                         std::uint32_t mode) {
  const auto directory = state_->node(parent);
  if (!directory.ok()) return directory.status();
  auto draft = state_->fresh(who, directory->place, FileType::Directory, mode);
  if (!draft.ok()) return draft.status();
  return state_->make_draft(who, parent, name, std::move(*draft));
}

Result<Entry> FileSystem::make_symlink(const Credentials& who, Ino parent, std::string_view name,
                                       std::string_view target) {
  const auto directory = state_->node(parent);
  if (!directory.ok()) return directory.status();
  auto draft = state_->fresh(who, directory->place, FileType::Symlink, 0777);
  if (!draft.ok()) return draft.status();
  draft->target = target;
  return state_->make_draft(who, parent, name, std::move(*draft));
}

Result<Entry> FileSystem::make_file(const Credentials& who, Ino parent, std::string_view name, std::uint32_t mode) {
  const auto directory = state_->node(parent);
  if (!directory.ok()) return directory.status();
  auto draft = state_->fresh(who, directory->place, FileType::Regular, mode);
  if (!draft.ok()) return draft.status();
  return state_->make_draft(who, parent, name, std::move(*draft));
}

Result<Entry> FileSystem::link(const Credentials& who, Ino ino, Ino new_parent, std::string_view new_name) {
  const auto file = state_->node(ino);
  if (!file.ok()) return file.status();
  const auto directory = state_->node(new_parent);
  if (!directory.ok()) return directory.status();
  const std::string what = "link '" + printable(new_name) + "'";
  if (file->place.kind != Kind::Draft) {
    return state_->refuse(who, new_parent, what,
                          {Code::NotPermitted, "what is published gets no further names; copy it"});
  }
  auto stored = state_->registry.snapshot();
  if (!stored.ok()) return stored.status();
  if (state_->layouts.shows_committed(directory->place) &&
      state_->committed_child(*stored, directory->place, new_name).ok()) {
    return Status(Code::AlreadyExists, "'" + printable(new_name) + "' exists already");
  }
  const CreateRule rule = state_->create_rule_of(*stored, directory->place, new_name, FileType::Regular);
  if (Status status = stored->failure(); !status.ok()) return status;
  stored = Status();  // what follows commits
  if (rule.kind == CreateRule::Kind::Refused) return state_->refuse(who, new_parent, what, rule.refusal);
  if (rule.kind == CreateRule::Kind::Upload && rule.publishes()) {
    return state_->refuse(who, new_parent, what, {Code::NotPermitted, "what is published is copied or moved here"});
  }
  state_->wait_for_sweep(directory->place);
  const auto made = state_->registry.drafts().tree().link(ino, new_parent, new_name);
  if (!made.ok()) return made.status();
  if (state_->was_published_meanwhile(directory->place)) {
    (void)state_->registry.drafts().tree().unlink(new_parent, new_name);
    return Status(Code::Immutable, "it was published a moment ago");
  }
  state_->names_changed(new_parent);
  return state_->enter_draft(*made, directory->place, new_name);
}

// Removing.

Status FileSystem::State::remove_standing(const Node& node) {
  const auto drafts = registry.drafts().tree().list(node.ino);
  if (!drafts.ok()) return drafts.status();
  if (!drafts->empty()) return {Code::NotEmpty, "drafts lie in it"};
  stage_lives.stage_removed(node.domain);
  return {};
}

Status FileSystem::State::remove_committed(const Credentials& who, const Node& parent, const Node& node,
                                           std::string_view name) {
  const RemoveRule rule = layouts.of(parent).remove_rule(parent, node, name);
  switch (rule.kind) {
    case RemoveRule::Kind::Refused: return rule.refusal;
    case RemoveRule::Kind::Label: return registry.labels().remove(*DomainName::parse(node.domain), name, who);
    case RemoveRule::Kind::Standing: return remove_standing(node);
    case RemoveRule::Kind::Domain: {
      const Status removed = registry.domains().remove(*DomainName::parse(node.domain), who);
      if (removed.ok()) stage_lives.domain_removed(node.domain);
      return removed;
    }
    case RemoveRule::Kind::Client: return client_writes.removals.remove(who, parent, node, name, rule.step);
  }
  return {Code::Immutable, "what is published never changes"};
}

Status FileSystem::unlink(const Credentials& who, Ino parent, std::string_view name) {
  const auto directory = state_->node(parent);
  if (!directory.ok()) return directory.status();
  if (state_->layouts.shows_committed(directory->place)) {
    const auto place = state_->committed_now(directory->place, name);
    if (place.ok()) {
      if (place->type == FileType::Directory) return {Code::IsADirectory, "a directory"};
      return state_->remove_committed(who, directory->place, *place, name);
    }
    if (place.code() != Code::NotFound) return place.status();
    if (!state_->layouts.holds_drafts(directory->place)) return place.status();
  }
  if (const auto removed = state_->client_writes.uploads.unlink(parent, name, who)) return *removed;
  if (Status theirs = state_->check_others_draft(who, directory->place, name); !theirs.ok()) {
    return state_->refuse(who, parent, "remove '" + printable(name) + "'", theirs);
  }
  const Status status = state_->registry.drafts().tree().unlink(parent, name);
  if (status.ok()) state_->names_changed(parent);
  return status;
}

Status FileSystem::remove_directory(const Credentials& who, Ino parent, std::string_view name) {
  const auto directory = state_->node(parent);
  if (!directory.ok()) return directory.status();
  if (state_->layouts.shows_committed(directory->place)) {
    const auto place = state_->committed_now(directory->place, name);
    if (place.ok()) {
      if (place->type != FileType::Directory) return {Code::NotADirectory, "not a directory"};
      return state_->remove_committed(who, directory->place, *place, name);
    }
    if (place.code() != Code::NotFound) return place.status();
    if (!state_->layouts.holds_drafts(directory->place)) return place.status();
  }
  if (Status theirs = state_->check_others_draft(who, directory->place, name); !theirs.ok()) {
    return state_->refuse(who, parent, "remove '" + printable(name) + "'", theirs);
  }
  const Status status = state_->remove_draft_directory(directory->place, name);
  if (status.ok()) state_->names_changed(parent);
  return status;
}

}  // namespace modelfs
