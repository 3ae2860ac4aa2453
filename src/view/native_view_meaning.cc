// What making or moving something to a name would mean in the native layout.
#include "base/new_name.h"
#include "catalog/tag.h"
#include "view/modelstore_view.h"
#include "view/native_view.h"
#include "view/places.h"

namespace modelfs {

using Kind = Place::Kind;

Meaning refused_meaning(Status status) {
  Meaning meaning;
  meaning.kind = Meaning::Kind::Refused;
  meaning.refusal = std::move(status);
  return meaning;
}

Meaning meaning_of_kind(Meaning::Kind kind) {
  Meaning meaning;
  meaning.kind = kind;
  return meaning;
}

namespace {

Meaning refused(const Status& status) { return refused_meaning(status); }
Meaning refused(Code code, std::string reason) { return refused(Status(code, std::move(reason))); }

bool is_archive_suffix(std::string_view suffix) { return format_of_suffix(suffix).has_value(); }

Meaning meaning_in_domain(std::string_view name, FileType type) {
  if (Status status = check_file_name(name); !status.ok()) return refused(status);
  if (name.front() == '.') {
    if (name == ".stage") return refused(Code::AlreadyExists, ".stage is always there");
    return {};
  }
  if (type == FileType::Regular && name.ends_with(kJson)) {
    const Status status = check_new_name(name.substr(0, name.size() - kJson.size()));
    return status.ok() ? Meaning{} : refused(status);
  }
  const std::string_view suffix = face_suffix(name);
  if (type == FileType::Regular && is_archive_suffix(suffix)) {
    Meaning meaning = meaning_of_kind(Meaning::Kind::Archive);
    meaning.stem = name.substr(0, name.size() - suffix.size());
    meaning.suffix = suffix;
    const Status status = check_new_name(meaning.stem);
    return status.ok() ? meaning : refused(status);
  }
  if (Status status = check_new_name(name); !status.ok()) return refused(status);
  if (type == FileType::Directory) return meaning_of_kind(Meaning::Kind::Release);
  if (type == FileType::Symlink) return meaning_of_kind(Meaning::Kind::Label);
  return {};
}

Meaning meaning_in_release(const Snapshot& stored, const Place& parent, std::string_view name, FileType type) {
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
  Meaning meaning = meaning_of_kind(suffix.empty() ? Meaning::Kind::Generation : Meaning::Kind::Archive);
  if (number.ok()) meaning.number = *number;
  meaning.is_generation = true;
  meaning.stem = stem;
  meaning.suffix = suffix;
  return meaning;
}

}  // namespace

Meaning NativeView::meaning_in_draft(const Snapshot& stored, const Place& above, std::string_view directory,
                                     std::string_view name, FileType type) {
  if (type != FileType::Regular) return {};
  Meaning meaning;
  if (above.kind == Kind::Domain && name == kFormlPackageName) {
    meaning = meaning_of_kind(Meaning::Kind::Archive);
    meaning.suffix = ".4ml";
    if (Status status = check_name(directory); !status.ok()) return {};
  } else if (above.is_release_directory() && name == kTagName) {
    meaning = NativeView::meaning(stored, above, directory, FileType::Directory);
    if (meaning.kind != Meaning::Kind::Generation || !meaning.number) return {};
    meaning.kind = Meaning::Kind::Tag;
  } else {
    return {};
  }
  meaning.stem = directory;
  meaning.place = above;
  return meaning;
}

Meaning NativeView::meaning(const Snapshot& stored, const Place& parent, std::string_view name, FileType type) {
  switch (parent.kind) {
    case Kind::Draft:
    case Kind::Stage: {
      const Status status = check_file_name(name);
      return status.ok() ? Meaning{} : refused(status);
    }
    case Kind::Root: {
      if (Status status = check_file_name(name); !status.ok()) return refused(status);
      if (name.front() == '.') return {};
      if (type != FileType::Directory) {
        if (is_reserved_name(name)) return refused(check_name(name));
        return {};
      }
      const Status status = check_new_name(name);
      return status.ok() ? meaning_of_kind(Meaning::Kind::Domain) : refused(status);
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
    case Kind::ModelstoreRelease: return ModelstoreView::meaning(parent, name, type);
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
