// What making or moving something to a name would mean in the native layout.
#include "base/new_name.h"
#include "formats/forml_tag.h"
#include "layout/modelstore/modelstore_layout.h"
#include "layout/native/native_layout.h"
#include "layout/node_builders.h"

namespace modelfs {

using Kind = Node::Kind;

CreateRule refused_meaning(Status status) {
  CreateRule rule;
  rule.kind = CreateRule::Kind::Refused;
  rule.refusal = std::move(status);
  return rule;
}

CreateRule meaning_of_kind(CreateRule::Kind kind) {
  CreateRule rule;
  rule.kind = kind;
  return rule;
}

namespace {

CreateRule refused(const Status& status) { return refused_meaning(status); }
CreateRule refused(Code code, std::string reason) { return refused(Status(code, std::move(reason))); }

bool is_archive_suffix(std::string_view suffix) { return format_of_suffix(suffix).has_value(); }

CreateRule meaning_in_domain(std::string_view name, FileType type) {
  if (Status status = check_file_name(name); !status.ok()) return refused(status);
  if (name.front() == '.') {
    if (name == ".stage") return refused(Code::AlreadyExists, ".stage is always there");
    return {};
  }
  if (type == FileType::Regular && name.ends_with(kJson)) {
    const Status status = check_new_name(name.substr(0, name.size() - kJson.size()));
    return status.ok() ? CreateRule{} : refused(status);
  }
  const std::string_view suffix = face_suffix(name);
  if (type == FileType::Regular && is_archive_suffix(suffix)) {
    CreateRule rule = meaning_of_kind(CreateRule::Kind::Archive);
    rule.stem = name.substr(0, name.size() - suffix.size());
    rule.suffix = suffix;
    const Status status = check_new_name(rule.stem);
    return status.ok() ? rule : refused(status);
  }
  if (Status status = check_new_name(name); !status.ok()) return refused(status);
  if (type == FileType::Directory) return meaning_of_kind(CreateRule::Kind::Release);
  if (type == FileType::Symlink) return meaning_of_kind(CreateRule::Kind::Label);
  return {};
}

CreateRule meaning_in_release(const Snapshot& stored, const Node& parent, std::string_view name, FileType type) {
  const auto domain = DomainName::parse(parent.domain);
  if (!domain.ok()) return refused(domain.status());
  const auto container = stored.container(parent.container);
  if (!container.ok()) return refused(container.status());
  const auto release = stored.release(*domain, container->version);
  const std::string where = parent.domain + "/" + container->version;
  if (!release.ok() || release->ino != parent.container) return refused(Code::Immutable, where + " is in the trash");
  if (name == ".stage" && type == FileType::Directory) return {};  // where ForML's trainers put states
  const std::string_view suffix = type == FileType::Regular ? face_suffix(name) : std::string_view();
  const bool is_document = suffix == kJson;
  const std::string_view stem = name.substr(0, name.size() - suffix.size());
  const auto number = parse_generation(stem);
  if ((type != FileType::Directory && suffix.empty()) || (stem != "next" && !number.ok())) {
    return refused(Code::Immutable,
                   where +
                       " is published: its files never change. Publish another version, or a generation "
                       "as " +
                       where + "/next");
  }
  if (!release->takes_generations) {
    return refused(Code::Immutable,
                   "numbers at the top of " + where + " are its own content, so it takes no generations");
  }
  const Generation next{raw(release->last_generation) + 1};
  if (number.ok() && raw(*number) > raw(next)) {
    return refused(Code::OutOfRange, "the next generation of " + where + " is " + std::to_string(raw(next)));
  }
  if (number.ok() && raw(*number) < raw(next)) return refused(Code::AlreadyExists, "that generation exists already");
  if (is_document) return {};
  CreateRule rule = meaning_of_kind(suffix.empty() ? CreateRule::Kind::Generation : CreateRule::Kind::Archive);
  if (number.ok()) rule.number = *number;
  rule.is_generation = true;
  rule.stem = stem;
  rule.suffix = suffix;
  return rule;
}

}  // namespace

CreateRule NativeLayout::create_rule_in_draft(const Snapshot& stored, const Node& above, std::string_view directory,
                                     std::string_view name, FileType type) {
  if (type != FileType::Regular) return {};
  CreateRule rule;
  if (above.kind == Kind::Domain && name == kFormlPackageName) {
    rule = meaning_of_kind(CreateRule::Kind::Archive);
    rule.suffix = ".4ml";
    if (Status status = check_name(directory); !status.ok()) return {};
  } else if (above.is_release_directory() && name == kTagName) {
    rule = NativeLayout::rule(stored, above, directory, FileType::Directory);
    if (rule.kind != CreateRule::Kind::Generation || !rule.number) return {};
    rule.kind = CreateRule::Kind::Tag;
  } else {
    return {};
  }
  rule.stem = directory;
  rule.place = above;
  return rule;
}

CreateRule NativeLayout::rule(const Snapshot& stored, const Node& parent, std::string_view name, FileType type) {
  switch (parent.kind) {
    case Kind::Draft:
    case Kind::Stage: {
      const Status status = check_file_name(name);
      return status.ok() ? CreateRule{} : refused(status);
    }
    case Kind::Root: {
      if (Status status = check_file_name(name); !status.ok()) return refused(status);
      if (name.front() == '.') return {};
      if (type != FileType::Directory) {
        if (is_reserved_name(name)) return refused(check_name(name));
        return {};
      }
      const Status status = check_new_name(name);
      return status.ok() ? meaning_of_kind(CreateRule::Kind::Domain) : refused(status);
    }
    case Kind::Domain: return meaning_in_domain(name, type);
    case Kind::Entry:
      if (parent.is_release_directory()) return meaning_in_release(stored, parent, name, type);
      return refused(Code::Immutable, "what is published never changes");
    case Kind::Trash: return refused(Code::NotPermitted, "the trash takes releases of its domain only, by mv");
    case Kind::System:
    case Kind::TrashRoot:
    case Kind::DraftsRoot:
    case Kind::Uploads: return refused(Code::NotPermitted, "nothing can be made here");
    case Kind::Versions:
    case Kind::ModelstoreRoot:
    case Kind::ModelstoreDomains:
    case Kind::ModelstoreStates:
    case Kind::ModelstoreDomain:
    case Kind::ModelstoreVersions:
    case Kind::ModelstoreDeleted:
    case Kind::ModelstoreRelease: return ModelstoreLayout::rule(parent, name, type);
    case Kind::Status:
    case Kind::Events:
    case Kind::Document:
    case Kind::Archive:
    case Kind::Tag:
    case Kind::Link: break;
  }
  return refused(Code::NotADirectory, "not a directory");
}

}  // namespace modelfs
