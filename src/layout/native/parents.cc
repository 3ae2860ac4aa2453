// In which directory a directory stands.
#include "layout/native/native_layout.h"

namespace modelfs {

using Kind = Node::Kind;

namespace {

Result<Ino> parent_of_entry(const Snapshot& stored, const ContainerSource& containers, const Node& place,
                            const DomainName& domain, const DomainRecord& head) {
  const auto container = containers(place.container);
  if (!container.ok()) return container.status();
  const Manifest& manifest = *(*container)->manifest;
  if (place.index != Manifest::kRoot) return manifest.at(manifest.at(place.index).parent).ino;
  if (!place.is_release) {
    const auto release = stored.release_of(domain, **container);
    return release.ok() ? Result<Ino>(release->ino) : release.status();
  }
  const auto live = stored.release(domain, (*container)->version);
  return live.ok() && live->ino == place.container ? head.ino : head.trash();
}

}  // namespace

Result<Ino> NativeLayout::parent(const Snapshot& stored, const ContainerSource& containers, const Node& directory) {
  switch (directory.kind) {
    case Kind::Root:
    case Kind::System:
    case Kind::Domain: return kRootIno;
    case Kind::TrashRoot:
    case Kind::DraftsRoot: return kSystemIno;
    case Kind::Trash: return kTrashIno;
    case Kind::Uploads: return kDraftsIno;
    case Kind::ModelstoreRoot: return kRootIno;
    case Kind::ModelstoreDomains:
    case Kind::ModelstoreStates:
    case Kind::ModelstoreDomain: return kModelstoreIno;
    case Kind::ModelstoreVersions:
    case Kind::ModelstoreDeleted:
    case Kind::ModelstoreRelease:
    case Kind::Stage:
    case Kind::Versions:
    case Kind::Entry:
    case Kind::Draft:
    case Kind::Status:
    case Kind::Events:
    case Kind::Document:
    case Kind::Archive:
    case Kind::Tag:
    case Kind::Link: break;
  }
  const auto domain = DomainName::parse(directory.domain);
  if (!domain.ok()) return domain.status();
  const auto head = stored.domain(*domain);
  if (!head.ok()) return head.status();
  if (directory.kind == Kind::ModelstoreDeleted) return head->modelstore_versions();
  if (directory.kind == Kind::ModelstoreVersions || directory.kind == Kind::ModelstoreRelease) {
    return head->modelstore();
  }
  if (directory.kind != Kind::Entry) return head->ino;
  return parent_of_entry(stored, containers, directory, *domain, *head);
}

}  // namespace modelfs
