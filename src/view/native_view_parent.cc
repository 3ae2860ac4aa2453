// In which directory a directory stands.
#include "view/native_view.h"

namespace modelfs {

using Kind = Place::Kind;

namespace {

// Generations are filed under the sequence of their release, which it keeps in the trash.
Result<Ino> release_of_generation(const Snapshot& stored, const DomainName& domain, const Container& container) {
  const auto live = stored.release(domain, container.version);
  if (live.ok() && live->sequence == container.release) return live->ino;
  Result<Ino> found = Status(Code::NotFound, "the release is gone");
  const Status scanned = stored.for_each_removed(domain, [&](std::string_view, const ReleaseRecord& record) {
    if (record.sequence == container.release) found = record.ino;
    return !found.ok();
  });
  return scanned.ok() ? found : Result<Ino>(scanned);
}

Result<Ino> parent_of_entry(const Snapshot& stored, const ContainerSource& containers, const Place& place,
                            const DomainName& domain, const DomainRecord& head) {
  const auto container = containers(place.container);
  if (!container.ok()) return container.status();
  const Manifest& manifest = *(*container)->manifest;
  if (place.index != Manifest::kRoot) return manifest.at(manifest.at(place.index).parent).ino;
  if (!place.is_release) return release_of_generation(stored, domain, **container);
  const auto live = stored.release(domain, (*container)->version);
  return live.ok() && live->ino == place.container ? head.ino : Ino{raw(head.ino) + 2};
}

}  // namespace

Result<Ino> NativeView::parent(const Snapshot& stored, const ContainerSource& containers, const Place& directory) {
  switch (directory.kind) {
    case Kind::Root:
    case Kind::System:
    case Kind::Domain: return kRootIno;
    case Kind::TrashRoot:
    case Kind::DraftsRoot: return kSystemIno;
    case Kind::Trash: return kTrashIno;
    case Kind::Uploads: return kDraftsIno;
    case Kind::Stage:
    case Kind::Versions:
    case Kind::Entry:
    case Kind::Draft:
    case Kind::Status:
    case Kind::Events:
    case Kind::Document:
    case Kind::Archive:
    case Kind::Link: break;
  }
  const auto domain = DomainName::parse(directory.domain);
  if (!domain.ok()) return domain.status();
  const auto head = stored.domain(*domain);
  if (!head.ok()) return head.status();
  if (directory.kind != Kind::Entry) return head->ino;
  return parent_of_entry(stored, containers, directory, *domain, *head);
}

}  // namespace modelfs
