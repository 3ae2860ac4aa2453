// What making or removing a name would mean in modelstore's layout.
#include <algorithm>

#include "base/new_name.h"
#include "layout/modelstore/modelstore_layout.h"
#include "layout/modelstore/roles.h"
#include "layout/node_builders.h"

namespace modelfs {

using Kind = Node::Kind;

namespace {

constexpr std::string_view kVersionsName = "versions";

CreateRule refuse_in_modelstore(Code code, std::string reason) { return CreateRule::refused(code, std::move(reason)); }

// A metadata document that is about `domain`, or about all domains where that is empty.
CreateRule document_rule(const LayoutContext& context, CreateRule::Upload upload, std::string_view name,
                         const std::string& domain) {
  CreateRule rule = CreateRule::of(upload);
  rule.stem = json_stem(name);
  rule.suffix = kJson;
  if (domain.empty()) return rule;
  const auto parsed = DomainName::parse(domain);
  const auto head = parsed.ok() ? context.stored.domain(*parsed) : Result<DomainRecord>(parsed.status());
  if (!head.ok()) return CreateRule::refused(head.status());
  rule.domain = domain;
  rule.base = head->modelstore();
  rule.base_path = std::string(kModelstoreName) + "/" + domain;
  return rule;
}

CreateRule named_document_rule(const LayoutContext& context, CreateRule::Upload upload, std::string_view name,
                               const std::string& domain) {
  const Status status = check_name(json_stem(name));
  return status.ok() ? document_rule(context, upload, name, domain) : CreateRule::refused(status);
}

CreateRule replace_rule(const LayoutContext& context, std::string_view name, const std::string& domain) {
  CreateRule rule = document_rule(context, CreateRule::Upload::ReplaceOnClose, name, domain);
  rule.stem = name;
  rule.suffix.clear();
  return rule;
}

// In a draft directory of this layout.
CreateRule rule_in_adopted(const LayoutContext& context, const Node& parent, std::string_view name, FileType type) {
  const auto domain = DomainName::parse(parent.domain);
  const auto head = domain.ok() ? context.stored.domain(*domain) : Result<DomainRecord>(domain.status());
  const auto position = context.mount.find_draft(parent.ino);
  const bool is_state = head.ok() && position && position->parent == head->modelstore_versions();
  if (type == FileType::Directory) {
    if (is_state) return refuse_in_modelstore(Code::InvalidArgument, "a state holds models only, no directories");
    if (name == kVersionsName) {
      return refuse_in_modelstore(Code::InvalidArgument, "a domain is one directory: its name has no '/'");
    }
    return {};
  }
  if (type != FileType::Regular) return {};
  if (is_state) {
    if (json_stem(name).empty()) return {};
    return named_document_rule(context, CreateRule::Upload::State, name, parent.domain);
  }
  return format_of_suffix(face_suffix(name)) ? replace_rule(context, name, parent.domain) : CreateRule{};
}

CreateRule rule_in_modelstore_root(std::string_view name, FileType type) {
  if (type != FileType::Directory || name.front() == '.') return {};
  const Status status = check_new_name(name);
  return status.ok() ? CreateRule::of(CreateRule::Kind::Domain) : CreateRule::refused(status);
}

CreateRule rule_in_modelstore_domain(const LayoutContext& context, const Node& parent, std::string_view name,
                                     FileType type) {
  if (type == FileType::Regular && name == kLatestJsonName) {
    return document_rule(context, CreateRule::Upload::Copy, name, parent.domain);
  }
  if (name != kVersionsName) return {};
  if (type != FileType::Directory) return refuse_in_modelstore(Code::InvalidArgument, "'versions' is a directory");
  const auto domain = DomainName::parse(parent.domain);
  const auto head = domain.ok() ? context.stored.domain(*domain) : Result<DomainRecord>(domain.status());
  if (!head.ok()) return CreateRule::refused(head.status());
  CreateRule rule = CreateRule::of(CreateRule::Kind::Shown);
  rule.directory = head->modelstore_versions();
  return rule;
}

}  // namespace

CreateRule ModelstoreLayout::create_rule(const LayoutContext& context, const Node& parent, std::string_view name,
                                         FileType type) const {
  if (Status status = check_file_name(name); !status.ok()) return CreateRule::refused(status);
  if (parent.kind == Kind::Draft) return rule_in_adopted(context, parent, name, type);
  const bool is_file = type == FileType::Regular;
  const bool is_document = is_file && !json_stem(name).empty();
  switch (modelstore_role(parent)) {
    case ModelstoreRole::Root: return rule_in_modelstore_root(name, type);
    case ModelstoreRole::Domains:
      if (is_document) {
        return named_document_rule(context, CreateRule::Upload::Copy, name, std::string(json_stem(name)));
      }
      return is_file ? CreateRule{} : refuse_in_modelstore(Code::InvalidArgument, "a domain's name has no '/'");
    case ModelstoreRole::States:
      if (is_document) return replace_rule(context, name, "");
      return is_file ? CreateRule{} : refuse_in_modelstore(Code::InvalidArgument, "a state's name has no '/'");
    case ModelstoreRole::Domain: return rule_in_modelstore_domain(context, parent, name, type);
    case ModelstoreRole::Versions:
      if (is_document) return named_document_rule(context, CreateRule::Upload::Model, name, parent.domain);
      if (!is_file && !json_stem(name).empty()) {
        return refuse_in_modelstore(Code::InvalidArgument,
                                    "'" + printable(name) + "' is a model's name, not a state's");
      }
      return {};
    case ModelstoreRole::Deleted:
      if (is_document) return replace_rule(context, name, parent.domain);
      return is_file ? CreateRule{} : refuse_in_modelstore(Code::InvalidArgument, "only files can be created here");
    default: return refuse_in_modelstore(Code::Immutable, "what is published never changes");
  }
}

bool ModelstoreLayout::holds_drafts(const Node& directory) const {
  if (directory.kind == Kind::Draft) return true;
  return directory.kind == Kind::Directory && modelstore_role(directory) != ModelstoreRole::Release;
}

namespace {

// Of a directory that holds adopted ones, beneath the mount point.
std::string adopted_path(const Node& parent, ModelstoreRole role) {
  if (parent.kind == Kind::Draft) return parent.target;
  if (parent.kind == Kind::Domain) return parent.domain;
  const std::string path = std::string(kModelstoreName) + "/" + parent.domain;
  return role == ModelstoreRole::Versions ? path + "/versions" : path;
}

}  // namespace

bool ModelstoreLayout::adopt_draft(const Node& parent, std::string_view name, Node& draft) const {
  const bool is_ours = parent.layout == id_;
  const ModelstoreRole role =
      is_ours && parent.kind == Kind::Directory ? modelstore_role(parent) : ModelstoreRole::None;
  const bool is_in_adopted = is_ours && parent.kind == Kind::Draft;
  if (draft.type == FileType::Directory) {
    // The layout of modelstore's first years, in the domain itself:
    // <domain>/<year>/<month>/<day>/<time>/archive.tar.gz.
    const bool is_year = parent.kind == Kind::Domain && name.size() == 4 &&
                         std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!is_in_adopted && role != ModelstoreRole::Domain && role != ModelstoreRole::Versions && !is_year) return false;
    draft.layout = id_;
    draft.domain = parent.domain;
    draft.target = adopted_path(parent, role).append("/").append(name);
    return true;
  }
  if (draft.type != FileType::Regular ||
      (!is_in_adopted && role != ModelstoreRole::States && role != ModelstoreRole::Deleted))
    return false;
  // A file that is being replaced is a separate one until its close.
  draft.layout = id_;
  draft.container = parent.ino;
  draft.target = name;
  return true;
}

RemoveRule::Step ModelstoreLayout::removal_step(const Node& parent, const Node& node) const {
  if (parent.layout != id_) return RemoveRule::Step::None;
  if (node.type == FileType::Directory)
    return is_release_directory(node) ? RemoveRule::Step::Directory : RemoveRule::Step::None;
  const bool can_go = node.kind == Kind::Archive || node.kind == Kind::Text || node.kind == Kind::Entry;
  if (!can_go) return RemoveRule::Step::None;
  if (parent.kind == Kind::Draft) return node.kind == Kind::Text ? RemoveRule::Step::State : RemoveRule::Step::Placed;
  switch (modelstore_role(parent)) {
    case ModelstoreRole::Deleted: return RemoveRule::Step::Tombstone;
    case ModelstoreRole::Versions: return RemoveRule::Step::Metadata;
    case ModelstoreRole::Release: return RemoveRule::Step::Archive;
    default: return RemoveRule::Step::None;
  }
}

RemoveRule ModelstoreLayout::remove_rule(const Node& parent, const Node& node, std::string_view) const {
  if (const auto step = removal_step(parent, node); step != RemoveRule::Step::None) {
    return {RemoveRule::Kind::Client, step, {}};
  }
  if (node.type == FileType::Directory) {
    return {RemoveRule::Kind::Refused, RemoveRule::Step::None, Status(Code::NotPermitted, "it is always there")};
  }
  return {RemoveRule::Kind::Refused, RemoveRule::Step::None,
          Status(Code::Immutable, "what is published never changes")};
}

bool ModelstoreLayout::is_release_directory(const Node& node) const {
  return node.layout == id_ && node.kind == Kind::Directory && modelstore_role(node) == ModelstoreRole::Release;
}

}  // namespace modelfs
