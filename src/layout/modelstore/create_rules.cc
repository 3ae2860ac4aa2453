// What making or moving something to a name would mean in modelstore's layout.
#include "layout/modelstore/modelstore_layout.h"
#include "base/new_name.h"
#include "layout/node_builders.h"

namespace modelfs {

using Kind = Node::Kind;

namespace {

CreateRule refused(Code code, std::string reason) { return refused_meaning(Status(code, std::move(reason))); }

CreateRule named_document(CreateRule::Kind kind, std::string_view name) {
  const std::string_view id = json_stem(name);
  if (Status status = check_name(id); !status.ok()) return refused_meaning(status);
  CreateRule rule = meaning_of_kind(kind);
  rule.stem = id;
  rule.suffix = kJson;
  return rule;
}

CreateRule whole(std::string_view name) {
  CreateRule rule = meaning_of_kind(CreateRule::Kind::ReplaceOnClose);
  rule.stem = name;
  return rule;
}

}  // namespace

CreateRule ModelstoreLayout::create_rule_in_draft(bool is_state, std::string_view name, FileType type) {
  if (Status status = check_file_name(name); !status.ok()) return refused_meaning(status);
  if (type == FileType::Directory) {
    if (is_state) return refused(Code::InvalidArgument, "a state holds models only, no directories");
    if (name == "versions") {
      return refused(Code::InvalidArgument, "a domain is one directory: its name has no '/'");
    }
    return {};
  }
  if (type != FileType::Regular) return {};
  if (is_state) return json_stem(name).empty() ? CreateRule{} : named_document(CreateRule::Kind::State, name);
  return format_of_suffix(face_suffix(name)) ? whole(name) : CreateRule{};
}

CreateRule ModelstoreLayout::rule(const Node& parent, std::string_view name, FileType type) {
  if (Status status = check_file_name(name); !status.ok()) return refused_meaning(status);
  const bool is_file = type == FileType::Regular;
  const bool is_document = is_file && !json_stem(name).empty();
  switch (parent.kind) {
    case Kind::ModelstoreRoot: {
      if (type != FileType::Directory || name.front() == '.') return {};
      const Status status = check_new_name(name);
      return status.ok() ? meaning_of_kind(CreateRule::Kind::Domain) : refused_meaning(status);
    }
    case Kind::ModelstoreDomains:
      if (is_document) return named_document(CreateRule::Kind::Copy, name);
      if (is_file) return {};
      return refused(Code::InvalidArgument, "a domain's name has no '/'");
    case Kind::ModelstoreStates:
      if (is_document) return whole(name);
      if (is_file) return {};
      return refused(Code::InvalidArgument, "a state's name has no '/'");
    case Kind::ModelstoreDomain:
      if (is_file && name == kLatestJsonName) return meaning_of_kind(CreateRule::Kind::Copy);
      if (name != "versions") return {};
      return type == FileType::Directory ? meaning_of_kind(CreateRule::Kind::Versions)
                                         : refused(Code::InvalidArgument, "'versions' is a directory");
    case Kind::Versions:
      if (is_document) return named_document(CreateRule::Kind::Model, name);
      return refused(Code::NotPermitted, "only <model id>.json can be made here");
    case Kind::ModelstoreVersions:
      if (is_document) return named_document(CreateRule::Kind::Model, name);
      if (!is_file && !json_stem(name).empty()) {
        return refused(Code::InvalidArgument, "'" + printable(name) + "' is a model's name, not a state's");
      }
      return {};
    case Kind::ModelstoreDeleted:
      if (is_document) return whole(name);
      return is_file ? CreateRule{} : refused(Code::InvalidArgument, "only files can be made here");
    default: return refused(Code::Immutable, "what is published never changes");
  }
}

}  // namespace modelfs
