// What making or removing a name would mean in the native layout.
#include <algorithm>
#include <cctype>

#include "base/new_name.h"
#include "formats/forml_package.h"
#include "formats/forml_tag.h"
#include "formats/modelstore_document.h"
#include "layout/native/native_layout.h"
#include "layout/native/roles.h"
#include "layout/node_builders.h"

namespace modelfs {

using Kind = Node::Kind;

namespace {

bool is_archive_suffix(std::string_view suffix) { return format_of_suffix(suffix).has_value(); }

// `ln -sfn` makes its link under a name like this and renames it at once: it is a draft until then, so that history has
// the label alone. Source: coreutils, src/force-link.c, simple_pattern.
bool is_ln_temporary(std::string_view name) {
  const auto is_random = [](unsigned char byte) { return std::isalnum(byte) != 0; };
  return name.size() == 8 && name.starts_with("Cu") && std::all_of(name.begin() + 2, name.end(), is_random);
}

CreateRule rule_in_domain(std::string_view name, FileType type) {
  if (Status status = check_file_name(name); !status.ok()) return CreateRule::refused(status);
  if (name.front() == '.') {
    if (name == ".stage") return CreateRule::refused(Code::AlreadyExists, ".stage is always there");
    return {};
  }
  // A client that has the domain for its root directory keeps its store there, of drafts.
  if (type == FileType::Directory && name == kModelstoreName) return {};
  if (type == FileType::Regular && name.ends_with(kJson)) {
    const Status status = check_new_name(name.substr(0, name.size() - kJson.size()));
    return status.ok() ? CreateRule{} : CreateRule::refused(status);
  }
  const std::string_view suffix = face_suffix(name);
  if (type == FileType::Regular && is_archive_suffix(suffix)) {
    CreateRule rule = CreateRule::of(CreateRule::Upload::Archive);
    rule.stem = name.substr(0, name.size() - suffix.size());
    rule.suffix = suffix;
    const Status status = check_new_name(rule.stem);
    return status.ok() ? rule : CreateRule::refused(status);
  }
  if (const std::string why = type == FileType::Regular ? why_not_taken(name) : ""; !why.empty()) {
    return CreateRule::refused(Code::InvalidArgument, why);
  }
  if (Status status = check_new_name(name); !status.ok()) return CreateRule::refused(status);
  if (type == FileType::Directory) return CreateRule::of(CreateRule::Kind::Release);
  if (type == FileType::Symlink) return is_ln_temporary(name) ? CreateRule{} : CreateRule::of(CreateRule::Kind::Label);
  return {};
}

CreateRule rule_in_release(const Snapshot& stored, const Node& parent, std::string_view name, FileType type) {
  const auto domain = DomainName::parse(parent.domain);
  if (!domain.ok()) return CreateRule::refused(domain.status());
  const auto container = stored.container(parent.container);
  if (!container.ok()) return CreateRule::refused(container.status());
  const auto release = stored.release(*domain, container->version);
  const std::string where = parent.domain + "/" + container->version;
  if (!release.ok() || release->ino != parent.container)
    return CreateRule::refused(Code::Immutable, where + " is in the trash");
  if (name == ".stage" && type == FileType::Directory) return {};  // where ForML's trainers put states
  const std::string_view suffix = type == FileType::Regular ? face_suffix(name) : std::string_view();
  const bool is_document = suffix == kJson;
  const std::string_view stem = name.substr(0, name.size() - suffix.size());
  const auto number = parse_generation(stem);
  if (const std::string why = type == FileType::Regular ? why_not_taken(name) : ""; !why.empty()) {
    return CreateRule::refused(Code::InvalidArgument, why);
  }
  if ((type != FileType::Directory && suffix.empty()) || (stem != "next" && !number.ok())) {
    const std::string reason =
        where + " is published: its files never change. Publish another version, or a generation as " + where + "/next";
    CreateRule rule = CreateRule::refused(Code::Immutable, reason);
    // mv(1) without -T moves a draft into the release that has the name it was to get.
    rule.refusal_of_moved_directory = Status(Code::AlreadyExists, reason);
    return rule;
  }
  if (!release->takes_generations) {
    return CreateRule::refused(Code::Immutable,
                               "numbers at the top of " + where + " are its own content, so it takes no generations");
  }
  const Generation next{raw(release->last_generation) + 1};
  if (number.ok() && raw(*number) > raw(next)) {
    return CreateRule::refused(Code::OutOfRange,
                               "the next generation of " + where + " is " + std::to_string(raw(next)));
  }
  if (number.ok() && raw(*number) < raw(next))
    return CreateRule::refused(Code::AlreadyExists, "that generation exists already");
  if (is_document) return {};
  CreateRule rule =
      suffix.empty() ? CreateRule::of(CreateRule::Kind::Generation) : CreateRule::of(CreateRule::Upload::Archive);
  if (number.ok()) rule.number = *number;
  rule.is_generation = true;
  rule.stem = stem;
  rule.suffix = suffix;
  return rule;
}

// A file in a draft directory that is called `position.name` in a committed place: ForML's package and tag.
CreateRule rule_of_marker(const LayoutContext& context, const DraftPosition& position, std::string_view name) {
  CreateRule rule;
  if (position.above.kind == Kind::Domain && name == kFormlPackageName) {
    rule = CreateRule::of(CreateRule::Upload::Package);
    rule.suffix = ".4ml";
    if (Status status = check_name(position.name); !status.ok()) return {};
  } else if (position.above.is_release_directory() && name == kTagName) {
    rule = rule_in_release(context.stored, position.above, position.name, FileType::Directory);
    if (rule.kind != CreateRule::Kind::Generation || !rule.number) return {};
    rule.kind = CreateRule::Kind::Upload;
    rule.upload = CreateRule::Upload::Tag;
  } else {
    return {};
  }
  rule.stem = position.name;
  rule.place = position.above;
  return rule;
}

CreateRule rule_in_draft(const LayoutContext& context, const Node& parent, std::string_view name, FileType type) {
  if (Status status = check_file_name(name); !status.ok()) return CreateRule::refused(status);
  const bool may_mark = type == FileType::Regular && (name == kFormlPackageName || name == kTagName);
  if (!may_mark || parent.kind != Kind::Draft) return {};
  const auto position = context.mount.find_draft(parent.ino);
  return position ? rule_of_marker(context, *position, name) : CreateRule{};
}

CreateRule rule_in_root(std::string_view name, FileType type) {
  if (Status status = check_file_name(name); !status.ok()) return CreateRule::refused(status);
  if (name.front() == '.') return {};
  if (type != FileType::Directory) return is_reserved_name(name) ? CreateRule::refused(check_name(name)) : CreateRule{};
  const Status status = check_new_name(name);
  return status.ok() ? CreateRule::of(CreateRule::Kind::Domain) : CreateRule::refused(status);
}

// A document of modelstore's client that writes to a domain as to its own store.
CreateRule rule_in_versions(const LayoutContext& context, const Node& parent, std::string_view name, FileType type) {
  if (Status status = check_file_name(name); !status.ok()) return CreateRule::refused(status);
  const std::string_view id = json_stem(name);
  if (type != FileType::Regular || id.empty()) {
    return CreateRule::refused(Code::NotPermitted, "only <model id>.json can be made here");
  }
  if (Status status = check_name(id); !status.ok()) return CreateRule::refused(status);
  const auto domain = DomainName::parse(parent.domain);
  const auto head = domain.ok() ? context.stored.domain(*domain) : Result<DomainRecord>(domain.status());
  if (!head.ok()) return CreateRule::refused(head.status());
  CreateRule rule = CreateRule::of(CreateRule::Upload::Model);
  rule.stem = id;
  rule.suffix = kJson;
  rule.domain = rule.base_path = parent.domain;
  rule.base = head->ino;
  return rule;
}

}  // namespace

CreateRule NativeLayout::create_rule(const LayoutContext& context, const Node& parent, std::string_view name,
                                     FileType type) const {
  switch (parent.kind) {
    case Kind::Draft:
    case Kind::Stage: return rule_in_draft(context, parent, name, type);
    case Kind::Root: return rule_in_root(name, type);
    case Kind::Domain: return rule_in_domain(name, type);
    case Kind::Entry:
      if (parent.is_release_directory()) return rule_in_release(context.stored, parent, name, type);
      if (parent.is_generation_directory() && name == kTagName && type == FileType::Regular) {
        // A trainer whose number was taken meanwhile hears that.
        return CreateRule::refused(Code::AlreadyExists, "that generation is published; use the next number");
      }
      return CreateRule::refused(Code::Immutable, "what is published never changes");
    case Kind::Trash:
      return CreateRule::refused(Code::NotPermitted, "the trash takes releases of its domain only, by mv");
    case Kind::Directory:
      if (native_role(parent) == NativeRole::Versions) return rule_in_versions(context, parent, name, type);
      return CreateRule::refused(Code::NotPermitted, "nothing can be created here");
    case Kind::Uploads: return CreateRule::refused(Code::NotPermitted, "nothing can be created here");
    default: return CreateRule::refused(Code::NotADirectory, "not a directory");
  }
}

RemoveRule NativeLayout::remove_rule(const Node& parent, const Node& node, std::string_view name) const {
  const auto refused = [](Code code, std::string why) {
    return RemoveRule{RemoveRule::Kind::Refused, RemoveRule::Step::None, Status(code, std::move(why))};
  };
  if (node.type != FileType::Directory) {
    const bool is_label = node.kind == Kind::Link && parent.kind == Kind::Domain && name != "latest";
    return is_label ? RemoveRule{RemoveRule::Kind::Label, RemoveRule::Step::None, {}}
                    : refused(Code::Immutable, "what is published never changes");
  }
  if (node.kind == Kind::Domain) return {RemoveRule::Kind::Domain, RemoveRule::Step::None, {}};
  if (node.kind == Kind::Stage) return {RemoveRule::Kind::Standing, RemoveRule::Step::None, {}};
  if (node.kind == Kind::Entry && node.index == 0) {
    return refused(Code::NotEmpty,
                   "a release is removed whole: mv it to /.modelfs/trash/" + node.domain + "/, or use modelfs rm");
  }
  if (node.kind == Kind::Entry) return refused(Code::Immutable, "what is published never changes");
  return refused(Code::NotPermitted, "it is always there");
}

}  // namespace modelfs
