// What making or moving something to a name would mean in modelstore's layout.
#include "view/modelstore_view.h"
#include "base/new_name.h"
#include "view/places.h"

namespace modelfs {

using Kind = Place::Kind;

namespace {

Meaning refused(Code code, std::string reason) { return refused_meaning(Status(code, std::move(reason))); }

Meaning named_document(Meaning::Kind kind, std::string_view name) {
  const std::string_view id = json_stem(name);
  if (Status status = check_name(id); !status.ok()) return refused_meaning(status);
  Meaning meaning = meaning_of_kind(kind);
  meaning.stem = id;
  meaning.suffix = kJson;
  return meaning;
}

Meaning whole(std::string_view name) {
  Meaning meaning = meaning_of_kind(Meaning::Kind::Whole);
  meaning.stem = name;
  return meaning;
}

}  // namespace

Meaning ModelstoreView::meaning_in_draft(bool is_state, std::string_view name, FileType type) {
  if (Status status = check_file_name(name); !status.ok()) return refused_meaning(status);
  if (type == FileType::Directory) {
    if (is_state) return refused(Code::InvalidArgument, "a state holds models only, no directories");
    if (name == "versions") {
      return refused(Code::InvalidArgument, "a domain is one directory: its name has no '/'");
    }
    return {};
  }
  if (type != FileType::Regular) return {};
  if (is_state) return json_stem(name).empty() ? Meaning{} : named_document(Meaning::Kind::State, name);
  return format_of_suffix(face_suffix(name)) ? whole(name) : Meaning{};
}

Meaning ModelstoreView::meaning(const Place& parent, std::string_view name, FileType type) {
  if (Status status = check_file_name(name); !status.ok()) return refused_meaning(status);
  const bool is_file = type == FileType::Regular;
  const bool is_document = is_file && !json_stem(name).empty();
  switch (parent.kind) {
    case Kind::ModelstoreRoot: {
      if (type != FileType::Directory || name.front() == '.') return {};
      const Status status = check_new_name(name);
      return status.ok() ? meaning_of_kind(Meaning::Kind::Domain) : refused_meaning(status);
    }
    case Kind::ModelstoreDomains:
      if (is_document) return named_document(Meaning::Kind::Copy, name);
      if (is_file) return {};
      return refused(Code::InvalidArgument, "a domain's name has no '/'");
    case Kind::ModelstoreStates:
      if (is_document) return whole(name);
      if (is_file) return {};
      return refused(Code::InvalidArgument, "a state's name has no '/'");
    case Kind::ModelstoreDomain:
      if (is_file && name == kLatestJsonName) return meaning_of_kind(Meaning::Kind::Copy);
      if (name != "versions") return {};
      return type == FileType::Directory ? meaning_of_kind(Meaning::Kind::Versions)
                                         : refused(Code::InvalidArgument, "'versions' is a directory");
    case Kind::Versions:
      if (is_document) return named_document(Meaning::Kind::Model, name);
      return refused(Code::NotPermitted, "only <model id>.json can be made here");
    case Kind::ModelstoreVersions:
      if (is_document) return named_document(Meaning::Kind::Model, name);
      if (!is_file && !json_stem(name).empty()) {
        return refused(Code::InvalidArgument, "'" + printable(name) + "' is a model's name, not a state's");
      }
      return {};
    case Kind::ModelstoreDeleted:
      if (is_document) return whole(name);
      return is_file ? Meaning{} : refused(Code::InvalidArgument, "only files can be made here");
    default: return refused(Code::Immutable, "what is published never changes");
  }
}

}  // namespace modelfs
