// What lookup, mkdir, symlink, link, unlink, rmdir and rename do.
#include <sys/stat.h>

#include "vfs/state.h"
#include "view/modelstore_view.h"

namespace modelfs {

using Kind = Place::Kind;

namespace {

// A look-up meets a draft that is published meanwhile at most once; the bound only ends what cannot be.
constexpr int kLookupTriesMax = 100;

bool has_reason(Code code) {
  return code == Code::InvalidArgument || code == Code::IllegalName || code == Code::NotPermitted ||
         code == Code::OutOfRange || code == Code::Unsupported || code == Code::NameTooLong;
}

// rename(2) must not answer EINVAL: mv reads it as "cannot move to a subdirectory of itself".
Status for_rename(const Status& status) {
  if (status.code() != Code::InvalidArgument) return status;
  return {Code::NotPermitted, status.message()};
}

double name_validity(const Place& parent, const Place& child) {
  // Names inside a package are bound for ever; the generations and faces beside it are not.
  if (parent.kind == Kind::Entry && child.kind == Kind::Entry && child.index != 0) return kForeverSeconds;
  return 0;
}

}  // namespace

Result<Entry> FileSystem::lookup(const Credentials& who, Ino parent_ino, std::string_view name) {
  State& state = *state_;
  for (int tries = 0; tries < kLookupTriesMax; ++tries) {
    const auto parent = state.node(parent_ino);
    if (!parent.ok()) return parent.status();
    if (NativeView::shows_committed(parent->place)) {
      const auto stored = state.registry.snapshot();
      if (!stored.ok()) return stored.status();
      const auto place = state.committed_child(*stored, parent->place, name);
      if (place.ok()) return state.enter(*place, false, name_validity(parent->place, *place));
      if (place.code() != Code::NotFound) return place.status();
      if (!NativeView::holds_drafts(parent->place)) return place.status();
    }
    const auto found = state.registry.drafts().lookup(parent_ino, name);
    if (!found.ok()) {
      // The directory, or what we look for, may have been published since we asked.
      const auto again = state.node(parent_ino);
      const bool flipped = again.ok() && again->place.kind != parent->place.kind;
      if (flipped) continue;
      if (NativeView::shows_committed(parent->place) && tries == 0) continue;  // one more look at what is committed
      if (const auto upload = state.uploads.named(parent_ino, name, who.pid)) {
        const auto inode = state.registry.drafts().stat(upload->file);
        if (inode.ok()) return state.enter_draft(*inode, parent->place, name);
      }
      return found.status();
    }
    const auto inode = state.registry.drafts().stat(found->ino);
    if (!inode.ok()) {
      if (inode.code() == Code::NotFound) continue;
      return inode.status();
    }
    auto entry = state.enter_draft(*inode, parent->place, name);
    // Why after the node is known: whoever publishes it from now on finds and flips it.
    if (!state.registry.drafts().is_dead(found->ino)) return entry;
    const auto node = state.node(found->ino);
    if (node.ok() && node->place.kind != Kind::Draft) return state.enter_known(*node);
    state.nodes.forget(found->ino, 1);
  }
  return Status(Code::Busy, "'" + printable(name) + "' is being published");
}

// Making.

Result<Ownership> FileSystem::State::owner_of_directory(const Place& place) {
  const auto shown = describe({place, false, 1});
  if (!shown.ok()) return shown.status();
  return Ownership{shown->uid, shown->gid, shown->mode};
}

Result<NewDraft> FileSystem::State::fresh(const Credentials& who, const Place& parent, FileType type,
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

void FileSystem::State::wait_for_sweep(const Place& directory) {
  if (!is_swept_first(directory)) return;
  // If it fails, what follows says so.
  (void)registry.finish_sweeping();
}

bool FileSystem::making_waits(Ino directory) const {
  const auto node = state_->nodes.find(directory);
  return node && state_->is_swept_first(node->place);
}

Result<Entry> FileSystem::State::make_draft(const Credentials& who, Ino parent, std::string_view name, NewDraft draft) {
  const auto directory = node(parent);
  if (!directory.ok()) return directory.status();
  const auto stored = registry.snapshot();
  if (!stored.ok()) return stored.status();
  const std::string what = "make '" + printable(name) + "'";
  if (NativeView::shows_committed(directory->place)) {
    if (const auto taken = committed_child(*stored, directory->place, name); taken.ok()) {
      return Status(Code::AlreadyExists, "'" + printable(name) + "' exists already");
    }
  }
  const Meaning meaning = meaning_of(*stored, directory->place, name, draft.type);
  if (ModelstoreView::holds_drafts(directory->place)) {
    if (Status status = registry.use_modelstore(); !status.ok()) return status;
  }
  switch (meaning.kind) {
    case Meaning::Kind::Refused:
      if (has_reason(meaning.refusal.code())) return refuse(who, parent, what, meaning.refusal);
      return meaning.refusal;
    case Meaning::Kind::Domain: {
      const auto domain = DomainName::parse(name);
      const auto made = registry.create_domain(*domain, draft.owner, who);
      if (!made.ok()) return made.status();
      const auto again = registry.snapshot();
      if (!again.ok()) return again.status();
      const auto place = committed_child(*again, directory->place, name);
      if (!place.ok()) return place.status();
      return enter(*place, false, 0);
    }
    case Meaning::Kind::Label: {
      const auto domain = DomainName::parse(directory->place.domain);
      const auto made = registry.set_label(*domain, name, draft.target, who);
      if (!made.ok()) return refuse(who, parent, "label '" + printable(name) + "'", made.status());
      const auto again = registry.snapshot();
      if (!again.ok()) return again.status();
      const auto place = committed_child(*again, directory->place, name);
      if (!place.ok()) return place.status();
      return enter(*place, false, 0);
    }
    case Meaning::Kind::Archive:
    case Meaning::Kind::Tag:
    case Meaning::Kind::Model:
    case Meaning::Kind::State:
    case Meaning::Kind::Copy:
    case Meaning::Kind::Whole: return begin_upload(who, directory->place, name, meaning, draft);
    case Meaning::Kind::Draft:
    case Meaning::Kind::Release:
    case Meaning::Kind::Generation: break;
  }
  wait_for_sweep(directory->place);
  const auto made = registry.drafts().make(parent, name, draft);
  if (!made.ok()) return made.status();
  if (was_published_meanwhile(directory->place)) {
    const bool is_directory = draft.type == FileType::Directory;
    (void)(is_directory ? registry.drafts().rmdir(parent, name) : registry.drafts().unlink(parent, name));
    return Status(Code::Immutable, "it was published a moment ago");
  }
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
  const auto stored = state_->registry.snapshot();
  if (!stored.ok()) return stored.status();
  if (NativeView::shows_committed(directory->place) &&
      state_->committed_child(*stored, directory->place, new_name).ok()) {
    return Status(Code::AlreadyExists, "'" + printable(new_name) + "' exists already");
  }
  const Meaning meaning = state_->meaning_of(*stored, directory->place, new_name, FileType::Regular);
  if (meaning.kind == Meaning::Kind::Refused) return state_->refuse(who, new_parent, what, meaning.refusal);
  if (meaning.kind == Meaning::Kind::Archive || meaning.kind == Meaning::Kind::Tag) {
    return state_->refuse(who, new_parent, what, {Code::NotPermitted, "what is published is copied or moved here"});
  }
  state_->wait_for_sweep(directory->place);
  const auto made = state_->registry.drafts().link(ino, new_parent, new_name);
  if (!made.ok()) return made.status();
  if (state_->was_published_meanwhile(directory->place)) {
    (void)state_->registry.drafts().unlink(new_parent, new_name);
    return Status(Code::Immutable, "it was published a moment ago");
  }
  return state_->enter_draft(*made, directory->place, new_name);
}

// Removing.

Status FileSystem::unlink(const Credentials& who, Ino parent, std::string_view name) {
  const auto directory = state_->node(parent);
  if (!directory.ok()) return directory.status();
  if (NativeView::shows_committed(directory->place)) {
    const auto stored = state_->registry.snapshot();
    if (!stored.ok()) return stored.status();
    const auto place = state_->committed_child(*stored, directory->place, name);
    if (place.ok()) {
      if (place->type == FileType::Directory) return {Code::IsADirectory, "a directory"};
      if (State::removes_in_modelstore(directory->place, *place)) {
        return state_->remove_in_modelstore(who, directory->place, *place, name);
      }
      if (place->kind == Kind::Link && directory->place.kind == Kind::Domain && name != "latest") {
        return state_->registry.remove_label(*DomainName::parse(place->domain), name, who);
      }
      return {Code::Immutable, "what is published never changes"};
    }
    if (place.code() != Code::NotFound) return place.status();
    if (!NativeView::holds_drafts(directory->place)) return place.status();
  }
  if (const auto upload = state_->uploads.named(parent, name, who.pid)) {
    return state_->registry.drafts().unlink(upload->directory, upload->draft_name);
  }
  return state_->registry.drafts().unlink(parent, name);
}

Status FileSystem::remove_directory(const Credentials& who, Ino parent, std::string_view name) {
  const auto directory = state_->node(parent);
  if (!directory.ok()) return directory.status();
  if (NativeView::shows_committed(directory->place)) {
    const auto stored = state_->registry.snapshot();
    if (!stored.ok()) return stored.status();
    const auto place = state_->committed_child(*stored, directory->place, name);
    if (place.ok()) {
      if (place->type != FileType::Directory) return {Code::NotADirectory, "not a directory"};
      if (place->kind == Kind::Domain) return state_->registry.remove_domain(*DomainName::parse(place->domain), who);
      if (place->kind == Kind::Entry && place->index == 0) {
        return {Code::NotEmpty,
                "a release is removed whole: mv it to /.modelfs/trash/" + place->domain + "/, or use modelfs rm"};
      }
      if (place->kind == Kind::Entry) return {Code::Immutable, "what is published never changes"};
      if (place->kind == Kind::ModelstoreRelease) return state_->hide_release_directory(place->container);
      return {Code::NotPermitted, "it is always there"};
    }
    if (place.code() != Code::NotFound) return place.status();
    if (!NativeView::holds_drafts(directory->place)) return place.status();
  }
  return state_->registry.drafts().rmdir(parent, name);
}

// Committing and moving.

Status FileSystem::State::commit_draft(const Credentials& who, Ino draft, Ino directory, std::string_view name,
                                       const Place& parent, std::string_view committed_name, Effort effort) {
  const auto stored = registry.snapshot();
  if (!stored.ok()) return stored.status();
  const Meaning meaning = NativeView::meaning(*stored, parent, committed_name, FileType::Directory);
  const std::string what = "publish as " + parent.domain + "/" + printable(committed_name);
  if (meaning.kind == Meaning::Kind::Refused) return refuse(who, draft, what, for_rename(meaning.refusal));
  const bool is_generation = meaning.kind == Meaning::Kind::Generation;
  auto target = target_of(parent, meaning, is_generation, committed_name);
  if (!target.ok()) return refuse(who, draft, what, for_rename(target.status()));
  PublishRequest request{
      draft, directory, std::string(name), std::move(*target), who, effort, [this](const Published& published) {
        flip(published);
      }};
  const auto published = registry.publish(request);
  if (!published.ok()) {
    remember_error(draft, who.uid, published.status().message());
    return for_rename(published.status());
  }
  if (published->already) return {Code::AlreadyExists, "identical content is published under that name already"};
  return {};
}

Status FileSystem::State::rename_to_upload(const Credentials& who, Ino file, const DraftStore::NamedAt& named,
                                           const Place& to, std::string_view new_name, const Meaning& meaning) {
  auto upload = plan_upload(to, new_name, meaning);
  if (!upload.ok()) return upload.status();
  upload->file = file;
  upload->directory = named.directory;
  upload->draft_name = named.name;
  const Status status = publish_upload(who, *upload);
  if (status.ok()) return status;
  return refuse(who, file, "publish '" + printable(named.name) + "' as " + upload->str(), for_rename(status));
}

namespace {

// What a rename of something committed may be: a removal, a restore, or another name for a label.
struct CommittedMove {
  Registry& registry;
  const Credentials& who;
  const Place& from;  // the directory
  const Place& moved;
  std::string_view name;
  const Place& to;  // the directory
  std::string_view new_name;

  Status run(const std::string& version) const {
    const auto domain = DomainName::parse(moved.domain);
    if (!domain.ok()) return {Code::NotPermitted, "this cannot be moved"};
    const bool is_release = moved.is_release_directory();
    const bool same_domain = to.domain == moved.domain;
    if (is_release && from.kind == Kind::Domain && to.kind == Kind::Trash && same_domain) {
      if (new_name != name) return {Code::NotPermitted, "a release keeps its name in the trash"};
      return registry.remove_release(*domain, name, who);
    }
    if (is_release && from.kind == Kind::Trash && to.kind == Kind::Domain && same_domain) {
      if (new_name != version) return {Code::NotPermitted, "it comes back as " + version + " only"};
      return registry.restore_release(*domain, name, who);
    }
    if (moved.kind == Kind::Link && from.kind == Kind::Domain && to.kind == Kind::Domain && same_domain &&
        name != "latest") {
      return for_rename(registry.rename_label(*domain, name, new_name, who));
    }
    if (moved.kind == Kind::Entry) return {Code::Immutable, "what is published keeps its name"};
    return {Code::NotPermitted, "this cannot be moved"};
  }
};

}  // namespace

Status FileSystem::rename(const Credentials& who, Ino parent, std::string_view name, Ino new_parent,
                          std::string_view new_name, RenameFlag flag) {
  State& state = *state_;
  const auto from = state.node(parent);
  if (!from.ok()) return from.status();
  const auto to = state.node(new_parent);
  if (!to.ok()) return to.status();
  const auto stored = state.registry.snapshot();
  if (!stored.ok()) return stored.status();
  const std::string what = "move '" + printable(name) + "' to '" + printable(new_name) + "'";
  const auto refuse = [&](Status status) { return state.refuse(who, new_parent, what, for_rename(status)); };
  if (NativeView::shows_committed(from->place)) {
    const auto moved = state.committed_child(*stored, from->place, name);
    if (moved.ok()) {
      std::string version;
      if (moved->kind == Kind::Entry) {
        const auto container = state.cache.find(moved->container);
        if (!container.ok()) return container.status();
        version = (*container)->version;
      }
      const Status status =
          CommittedMove{state.registry, who, from->place, *moved, name, to->place, new_name}.run(version);
      return has_reason(status.code()) || status.code() == Code::Busy ? refuse(status) : status;
    }
    if (moved.code() != Code::NotFound) return moved.status();
    if (!NativeView::holds_drafts(from->place)) return moved.status();
  }
  const auto source = state.registry.drafts().lookup(parent, name);
  if (!source.ok()) return source.status();
  if (NativeView::shows_committed(to->place) && state.committed_child(*stored, to->place, new_name).ok()) {
    return {Code::AlreadyExists, "'" + printable(new_name) + "' exists already"};
  }
  if (Status late = state.check_stage_move(from->place, to->place); !late.ok()) return refuse(late);
  const Meaning meaning = state.meaning_of(*stored, to->place, new_name, source->type);
  if (flag == RenameFlag::Exchange) {
    if (meaning.kind != Meaning::Kind::Draft) return refuse({Code::NotPermitted, "only drafts can be exchanged"});
    return for_rename(state.registry.drafts().exchange(parent, name, new_parent, new_name));
  }
  const bool replace = flag == RenameFlag::Replace;
  switch (meaning.kind) {
    case Meaning::Kind::Refused: return has_reason(meaning.refusal.code()) ? refuse(meaning.refusal) : meaning.refusal;
    case Meaning::Kind::Domain:
      return refuse({Code::NotPermitted, "a domain is made by mkdir; move the draft into one"});
    case Meaning::Kind::Label:
      return refuse({Code::NotPermitted, "a label is made in its domain: ln -sfn VERSION " + std::string(new_name)});
    case Meaning::Kind::Release:
    case Meaning::Kind::Generation: {
      if (source->ino != kNoIno && parent == new_parent && name == new_name) return {};
      if (Status status = state.clear_empty_target(new_parent, new_name, replace); !status.ok()) return status;
      return state.commit_draft(who, source->ino, parent, name, to->place, new_name, Effort::Short);
    }
    case Meaning::Kind::Archive:
    case Meaning::Kind::Tag:
    case Meaning::Kind::Model:
    case Meaning::Kind::State:
    case Meaning::Kind::Copy:
      return state.rename_to_upload(who, source->ino, {parent, std::string(name)}, to->place, new_name, meaning);
    case Meaning::Kind::Whole:
    case Meaning::Kind::Draft: break;
  }
  if (source->type == FileType::Directory &&
      (NativeView::holds_placements(from->place, name) || NativeView::holds_placements(to->place, new_name))) {
    return refuse(
        {Code::NotPermitted, "directories of a client's layout keep their names: what is published lies there"});
  }
  return for_rename(state.move_draft(from->place, name, to->place, new_name, replace));
}

}  // namespace modelfs
