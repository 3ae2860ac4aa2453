// What rename does: it commits, removes, restores, and moves drafts.
#include "vfs/state.h"

namespace modelfs {

using Kind = Node::Kind;

Status FileSystem::State::commit_in_place(const Credentials& who, Ino draft) {
  const auto named = registry.drafts().tree().name_of(draft);
  if (!named.ok()) return named.status();
  const auto parent = node(named->directory);
  if (!parent.ok() || !is_in_place(parent->place)) {
    return refuse(who, draft, "commit " + printable(named->name),
                  {Code::InvalidArgument, "the draft lies under no version's name; mv it onto one"});
  }
  if (Status shown = check_shows_nothing(parent->place, named->name); !shown.ok()) {
    return refuse(who, draft, "commit " + printable(named->name), shown);
  }
  const auto rule = [&]() -> Result<CreateRule> {
    const auto stored = registry.snapshot();
    if (!stored.ok()) return stored.status();
    return create_rule_of(*stored, parent->place, named->name, FileType::Directory);
  }();
  if (!rule.ok()) return rule.status();
  return commit_draft(who, draft, parent->place, named->name, parent->place, named->name, *rule, HashBudget::Full);
}

Status FileSystem::State::commit_draft(const Credentials& who, Ino draft, const Node& from, std::string_view name,
                                       const Node& parent, std::string_view committed_name, const CreateRule& rule,
                                       HashBudget budget) {
  const std::string what = "publish as " + parent.domain + "/" + printable(committed_name);
  if (rule.kind == CreateRule::Kind::Refused) return refuse(who, draft, what, for_rename(rule.refusal));
  const bool is_generation = rule.kind == CreateRule::Kind::Generation;
  auto target = create_target(layout_mount, parent, rule, is_generation, committed_name);
  if (!target.ok()) return refuse(who, draft, what, for_rename(target.status()));
  PublishRequest request{
      draft, from.ino, std::string(name), std::move(*target), who, budget, [this](const Published& published) {
        rebind_nodes(published);
      }};
  request.mode_mask = mode_mask(from, FileType::Directory, name);
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

namespace {

constexpr const char* kExchangeable = "only two drafts or two labels of a domain can be exchanged";

// What a rename of something committed may be: a removal, a restore, or another name for a label.
struct CommittedMove {
  Registry& registry;
  const Credentials& who;
  const Node& from;  // the directory
  const Node& moved;
  std::string_view name;
  const Node& to;  // the directory
  std::string_view new_name;
  RenameFlag flag;

  bool is_label() const { return moved.kind == Kind::Link && from.kind == Kind::Domain && name != "latest"; }

  Status run(const std::string& version) const {
    const auto domain = DomainName::parse(moved.domain);
    if (!domain.ok()) return {Code::NotPermitted, "this cannot be moved"};
    const bool is_release = moved.is_release_directory();
    const bool same_domain = to.domain == moved.domain;
    const bool stays_label = is_label() && to.kind == Kind::Domain && same_domain;
    if (flag == RenameFlag::Exchange) {
      const Status exchanged =
          stays_label ? registry.labels().exchange(*domain, name, new_name, who) : Status(Code::NotFound, "no label");
      if (exchanged.code() != Code::NotFound) return for_rename(exchanged);
      return {Code::NotPermitted, kExchangeable};
    }
    if (is_release && from.kind == Kind::Domain && to.kind == Kind::Trash && same_domain) {
      if (new_name != name) return {Code::NotPermitted, "a release keeps its name in the trash"};
      return registry.trash().remove(*domain, name, who);
    }
    if (is_release && from.kind == Kind::Trash && to.kind == Kind::Domain && same_domain) {
      if (new_name != version) return {Code::NotPermitted, "it comes back as " + version + " only"};
      return registry.trash().restore(*domain, name, who);
    }
    if (stays_label) {
      return for_rename(registry.labels().rename(*domain, name, new_name, flag == RenameFlag::Replace, who));
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
                                         std::string_view name, const Node& to, std::string_view new_name,
                                         RenameFlag flag) {
  std::string version;
  if (moved.kind == Kind::Entry) {
    const auto container = cache.find(moved.container);
    if (!container.ok()) return container.status();
    version = (*container)->version;
  }
  const Status status = CommittedMove{registry, who, from, moved, name, to, new_name, flag}.run(version);
  // The kernel moves the name with all that it believes of it, and names in the trash can be bound anew.
  if (status.ok() && to.kind == Kind::Trash) {
    kernel.invalidate_entry_later(to.ino, std::string(new_name), KernelCache::Wait::None);
    release_is_gone(from.ino, name);
  }
  return status;
}

// One rename(2).
struct FileSystem::State::Rename {
  const Credentials& who;
  Node from;  // the directory
  std::string_view name;
  Node to;  // the directory
  std::string_view new_name;
  RenameFlag flag;
};

// What it moves, and what the new name means. Decided once, by one snapshot, which is gone before anything commits.
struct FileSystem::State::Moved {
  std::optional<Node> committed;  // else a draft
  DraftEntry draft{};
  CreateRule rule;
};

Status FileSystem::State::refuse_rename(const Rename& rename, const Status& status) {
  const std::string what = "move '" + printable(rename.name) + "' to '" + printable(rename.new_name) + "'";
  return refuse(rename.who, rename.to.ino, what, for_rename(status));
}

Status FileSystem::State::check_stage_move(const Node& from, const Node& to) const {
  if (from.kind != Kind::Draft || !to.is_generation_directory()) return {};
  const auto named = registry.drafts().tree().name_of(from.ino);
  if (!named.ok() || named->name != kStageName) return {};
  const auto above = nodes.find(named->directory);
  if (!above || !above->place.is_release_directory()) return {};
  return {Code::AlreadyExists, "that generation is published; use the next number"};
}

// Whether a draft of that type may be moved onto what is committed there: a symlink onto a label is that label's move.
Status FileSystem::State::check_replacing(const Rename& rename, FileType type, const Result<Node>& there) {
  if (!there.ok()) return there.code() == Code::NotFound ? Status() : there.status();
  if (rename.flag == RenameFlag::Exchange) {
    return refuse_rename(rename, {Code::NotPermitted, kExchangeable});
  }
  const bool is_label = there->kind == Kind::Link && rename.to.kind == Kind::Domain && rename.new_name != "latest";
  if (is_label && type == FileType::Symlink && rename.flag == RenameFlag::Replace) return {};
  return {Code::AlreadyExists, "'" + printable(rename.new_name) + "' exists already"};
}

Result<FileSystem::State::Moved> FileSystem::State::judge_rename(const Rename& rename) {
  const auto stored = registry.snapshot();
  if (!stored.ok()) return stored.status();
  if (layouts.shows_committed(rename.from)) {
    auto moved = committed_child(*stored, rename.from, rename.name);
    if (moved.ok()) return Moved{std::move(*moved), {}, {}};
    if (moved.code() != Code::NotFound || !layouts.holds_drafts(rename.from)) return moved.status();
  }
  const auto source = registry.drafts().tree().lookup(rename.from.ino, rename.name);
  if (!source.ok()) return source.status();
  auto there = layouts.shows_committed(rename.to) ? committed_child(*stored, rename.to, rename.new_name)
                                                  : Result<Node>(Status(Code::NotFound, "no such name"));
  if (Status status = check_replacing(rename, source->type, there); !status.ok()) return status;
  if (Status theirs = check_others_draft(rename.who, rename.from, rename.name); !theirs.ok()) {
    return refuse_rename(rename, theirs);
  }
  if (Status taken = check_stage_move(rename.from, rename.to); !taken.ok()) return refuse_rename(rename, taken);
  Moved moved{std::nullopt, *source, create_rule_of(*stored, rename.to, rename.new_name, source->type)};
  if (Status status = stored->failure(); !status.ok()) return status;
  return moved;
}

Status FileSystem::State::move_name(const Credentials& who, Ino parent, std::string_view name, Ino new_parent,
                                    std::string_view new_name, RenameFlag flag) {
  auto from = node(parent);
  if (!from.ok()) return from.status();
  auto to = node(new_parent);
  if (!to.ok()) return to.status();
  const Rename rename{who, std::move(from->place), name, std::move(to->place), new_name, flag};
  const auto moved = judge_rename(rename);
  if (!moved.ok()) return moved.status();
  if (moved->committed) {
    const Status status = move_committed(who, rename.from, *moved->committed, name, rename.to, new_name, flag);
    return has_reason(status.code()) || status.code() == Code::Busy ? refuse_rename(rename, status) : status;
  }
  if (flag != RenameFlag::Exchange) return move_draft_as(rename, moved->draft, moved->rule);
  if (moved->rule.kind != CreateRule::Kind::Draft) {
    return refuse_rename(rename, {Code::NotPermitted, "only drafts can be exchanged"});
  }
  // Why: what is shown in them is found by their path, and so is what lies below.
  const auto other = registry.drafts().tree().lookup(rename.to.ino, new_name);
  const bool moves_directory =
      moved->draft.type == FileType::Directory || (other.ok() && other->type == FileType::Directory);
  if (moves_directory && (is_adopted(rename.from, name) || is_adopted(rename.to, new_name))) {
    return refuse_rename(rename, {Code::NotPermitted,
                                  "directories of a client's layout keep their names: what is "
                                  "published lies there"});
  }
  if (Status theirs = check_others_draft(who, rename.to, new_name); !theirs.ok()) return refuse_rename(rename, theirs);
  return for_rename(exchange_drafts(rename.from, name, rename.to, new_name));
}

Status FileSystem::State::move_draft_as(const Rename& rename, const DraftEntry& source, const CreateRule& rule) {
  using Rule = CreateRule::Kind;
  const auto refuse_it = [&](const char* why) { return refuse_rename(rename, {Code::NotPermitted, why}); };
  switch (rule.kind) {
    case Rule::Refused:
      if (source.type == FileType::Directory && !rule.refusal_of_moved_directory.ok()) {
        return refuse_rename(rename, rule.refusal_of_moved_directory);
      }
      return has_reason(rule.refusal.code()) ? refuse_rename(rename, rule.refusal) : rule.refusal;
    case Rule::Domain: return refuse_it("a domain is made by mkdir; move the draft into one");
    case Rule::Shown: return refuse_it("it is made by mkdir, and holds documents of models");
    case Rule::Label: return move_to_label(rename, source);
    case Rule::Release:
    case Rule::Generation: return move_to_commit(rename, source, rule);
    case Rule::Upload:
      if (rule.upload != CreateRule::Upload::ReplaceOnClose) return move_to_upload(rename, source, rule);
      break;
    case Rule::Draft: break;
  }
  const bool is_directory = source.type == FileType::Directory;
  if (is_directory && (is_adopted(rename.from, rename.name) || is_adopted(rename.to, rename.new_name))) {
    return refuse_it("directories of a client's layout keep their names: what is published lies there");
  }
  if (Status theirs = check_others_draft(rename.who, rename.to, rename.new_name); !theirs.ok()) {
    return refuse_rename(rename, theirs);
  }
  return for_rename(move_draft(source.type, rename.from, rename.name, rename.to, rename.new_name,
                               rename.flag == RenameFlag::Replace));
}

Status FileSystem::State::move_to_commit(const Rename& rename, const DraftEntry& source, const CreateRule& rule) {
  const bool stays = rename.from.ino == rename.to.ino && rename.name == rename.new_name;
  if (stays && source.ino != kNoIno) return {};
  if (Status shown = check_shows_nothing(rename.from, rename.name); !shown.ok()) return refuse_rename(rename, shown);
  const bool replace = rename.flag == RenameFlag::Replace;
  if (Status status = clear_empty_target(rename.who, rename.to, rename.new_name, replace); !status.ok()) return status;
  return commit_draft(rename.who, source.ino, rename.from, rename.name, rename.to, rename.new_name, rule,
                      HashBudget::Short);
}

Status FileSystem::State::move_to_label(const Rename& rename, const DraftEntry& source) {
  const auto domain = DomainName::parse(rename.to.domain);
  if (!domain.ok()) return domain.status();
  const DraftLink draft{rename.from.ino, std::string(rename.name), source.ino};
  const auto made =
      registry.labels().set_by_draft(*domain, rename.new_name, draft, rename.flag == RenameFlag::Replace, rename.who);
  if (!made.ok()) return refuse_rename(rename, made.status());
  return {};
}

Status FileSystem::State::move_to_upload(const Rename& rename, const DraftEntry& source, const CreateRule& rule) {
  const std::string what = "'" + printable(rename.name) + "'";
  const std::uint32_t mask = mode_mask(rename.from, source.type, rename.name);
  if (Status status = registry.draft_list().check_disclosing(rename.who, source.ino, mask, what); !status.ok()) {
    return refuse_rename(rename, status);
  }
  return for_rename(client_writes.uploads.publish_moved(
      rename.who, source.ino, {rename.from.ino, std::string(rename.name)}, rename.to, rename.new_name, rule));
}

}  // namespace modelfs
