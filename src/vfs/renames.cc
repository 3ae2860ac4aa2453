// What rename does: it commits, removes, restores, and moves drafts.
#include "vfs/state.h"

namespace modelfs {

using Kind = Node::Kind;

Status FileSystem::State::commit_draft(const Credentials& who, Ino draft, const Node& from, std::string_view name,
                                       const Node& parent, std::string_view committed_name, HashBudget budget) {
  const auto meant = [&]() -> Result<CreateRule> {
    const auto stored = registry.snapshot();
    if (!stored.ok()) return stored.status();
    return create_rule_of(*stored, parent, committed_name, FileType::Directory);
  }();
  if (!meant.ok()) return meant.status();
  const CreateRule& rule = *meant;
  const std::string what = "publish as " + parent.domain + "/" + printable(committed_name);
  if (rule.kind == CreateRule::Kind::Refused) return refuse(who, draft, what, for_rename(rule.refusal));
  const bool is_generation = rule.kind == CreateRule::Kind::Generation;
  auto target = target_of(parent, rule, is_generation, committed_name);
  if (!target.ok()) return refuse(who, draft, what, for_rename(target.status()));
  PublishRequest request{
      draft, from.ino, std::string(name), std::move(*target), who, budget, [this](const Published& published) {
        rebind_nodes(published);
      }};
  request.mode_mask = mode_mask(from);
  const auto published = registry.publish(request);
  if (!published.ok()) {
    remember_error(draft, who.uid, published.status().message());
    // Who may not read a draft cannot ask it either.
    if (published.code() == Code::Denied) remember_error(parent.ino, who.uid, published.status().message());
    return for_rename(published.status());
  }
  if (published->already) return {Code::AlreadyExists, "identical content is published under that name already"};
  return {};
}

Status FileSystem::State::rename_to_upload(const Credentials& who, Ino file, const DraftStore::NamedAt& named,
                                           const Node& to, std::string_view new_name, const CreateRule& rule) {
  auto upload = plan_upload(to, new_name, rule);
  if (!upload.ok()) return upload.status();
  upload->file = file;
  upload->directory = named.directory;
  upload->draft_name = named.name;
  Status status = publish_upload(who, *upload);
  if (status.ok()) return status;
  if (status.code() == Code::Conflict) status = Status(Code::Busy, status.message());
  return refuse(who, file, "publish '" + printable(named.name) + "' as " + upload->str(), for_rename(status));
}

namespace {

// What a rename of something committed may be: a removal, a restore, or another name for a label.
struct CommittedMove {
  Registry& registry;
  const Credentials& who;
  const Node& from;  // the directory
  const Node& moved;
  std::string_view name;
  const Node& to;  // the directory
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
  const Status status = state_->move_name(who, parent, name, new_parent, new_name, flag);
  if (!status.ok()) return status;
  state_->names_changed(parent);
  if (new_parent != parent) state_->names_changed(new_parent);
  return status;
}

Status FileSystem::State::move_committed(const Credentials& who, const Node& from, const Node& moved,
                                         std::string_view name, const Node& to, std::string_view new_name) {
  std::string version;
  if (moved.kind == Kind::Entry) {
    const auto container = cache.find(moved.container);
    if (!container.ok()) return container.status();
    version = (*container)->version;
  }
  const Status status = CommittedMove{registry, who, from, moved, name, to, new_name}.run(version);
  // The kernel moves the name with all that it believes of it, and names in the trash can be bound anew.
  if (status.ok() && to.kind == Kind::Trash) {
    kernel.invalidate_entry_later(to.ino, std::string(new_name), KernelCache::Wait::None);
  }
  return status;
}

Status FileSystem::State::move_name(const Credentials& who, Ino parent, std::string_view name, Ino new_parent,
                                    std::string_view new_name, RenameFlag flag) {
  const auto from = node(parent);
  if (!from.ok()) return from.status();
  const auto to = node(new_parent);
  if (!to.ok()) return to.status();
  auto stored = registry.snapshot();
  if (!stored.ok()) return stored.status();
  const std::string what = "move '" + printable(name) + "' to '" + printable(new_name) + "'";
  const auto refuse = [&](Status status) { return State::refuse(who, new_parent, what, for_rename(status)); };
  if (layouts.shows_committed(from->place)) {
    const auto moved = committed_child(*stored, from->place, name);
    if (moved.ok()) {
      stored = Status();  // what follows commits
      const Status status = move_committed(who, from->place, *moved, name, to->place, new_name);
      return has_reason(status.code()) || status.code() == Code::Busy ? refuse(status) : status;
    }
    if (moved.code() != Code::NotFound) return moved.status();
    if (!layouts.holds_drafts(from->place)) return moved.status();
  }
  const auto source = registry.drafts().lookup(parent, name);
  if (!source.ok()) return source.status();
  if (layouts.shows_committed(to->place) && committed_child(*stored, to->place, new_name).ok()) {
    return {Code::AlreadyExists, "'" + printable(new_name) + "' exists already"};
  }
  if (Status theirs = check_others_draft(who, from->place, name); !theirs.ok()) return refuse(theirs);
  if (Status taken = check_stage_move(from->place, to->place); !taken.ok()) return refuse(taken);
  const CreateRule rule = create_rule_of(*stored, to->place, new_name, source->type);
  if (Status status = stored->failure(); !status.ok()) return status;
  stored = Status();  // what follows commits
  if (flag == RenameFlag::Exchange) {
    if (rule.kind != CreateRule::Kind::Draft) return refuse({Code::NotPermitted, "only drafts can be exchanged"});
    if (Status theirs = check_others_draft(who, to->place, new_name); !theirs.ok()) return refuse(theirs);
    return for_rename(exchange_drafts(from->place, name, to->place, new_name));
  }
  const bool replace = flag == RenameFlag::Replace;
  switch (rule.kind) {
    case CreateRule::Kind::Refused: return has_reason(rule.refusal.code()) ? refuse(rule.refusal) : rule.refusal;
    case CreateRule::Kind::Domain:
      return refuse({Code::NotPermitted, "a domain is made by mkdir; move the draft into one"});
    case CreateRule::Kind::Shown:
      return refuse({Code::NotPermitted, "it is made by mkdir, and holds documents of models"});
    case CreateRule::Kind::Label:
      return refuse({Code::NotPermitted, "a label is made in its domain: ln -sfn VERSION " + std::string(new_name)});
    case CreateRule::Kind::Release:
    case CreateRule::Kind::Generation: {
      if (source->ino != kNoIno && parent == new_parent && name == new_name) return {};
      if (Status status = clear_empty_target(who, to->place, new_name, replace); !status.ok()) return status;
      return commit_draft(who, source->ino, from->place, name, to->place, new_name, HashBudget::Short);
    }
    case CreateRule::Kind::Upload:
      if (rule.upload == CreateRule::Upload::ReplaceOnClose) break;
      if (Status status =
              registry.check_disclosing(who, source->ino, mode_mask(from->place), "'" + printable(name) + "'");
          !status.ok()) {
        return refuse(status);
      }
      return rename_to_upload(who, source->ino, {parent, std::string(name)}, to->place, new_name, rule);
    case CreateRule::Kind::Draft: break;
  }
  if (source->type == FileType::Directory && (is_adopted(from->place, name) || is_adopted(to->place, new_name))) {
    return refuse(
        {Code::NotPermitted, "directories of a client's layout keep their names: what is published lies there"});
  }
  if (Status theirs = check_others_draft(who, to->place, new_name); !theirs.ok()) return refuse(theirs);
  return for_rename(move_draft(source->type, from->place, name, to->place, new_name, replace));
}

}  // namespace modelfs
