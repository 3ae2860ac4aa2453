// In which directory a directory of the native layout stands.
#include "layout/native/native_layout.h"
#include "layout/native/roles.h"

namespace modelfs {

using Kind = Node::Kind;

namespace {

Result<Ino> parent_of_entry(const Snapshot& stored, const ContainerSource& containers, const Node& node,
                            const DomainName& domain, const DomainRecord& head) {
  const auto container = containers(node.container);
  if (!container.ok()) return container.status();
  const Manifest& manifest = *(*container)->manifest;
  if (node.index != Manifest::kRoot) return manifest.at(manifest.at(node.index).parent).ino;
  if (!node.is_release) {
    const auto release = stored.release_of(**container);
    return release.ok() ? Result<Ino>(release->ino) : release.status();
  }
  const auto live = stored.release(domain, (*container)->version);
  return live.ok() && live->ino == node.container ? head.ino : head.trash();
}

}  // namespace

Result<Ino> NativeLayout::parent(const LayoutContext& context, const Node& directory) const {
  if (directory.kind == Kind::Root || directory.kind == Kind::Domain) return kRootIno;
  if (directory.kind == Kind::Trash) return kTrashIno;
  if (directory.kind == Kind::Uploads) return kDraftsIno;
  if (directory.kind == Kind::Directory && native_role(directory) != NativeRole::Versions) {
    return native_role(directory) == NativeRole::System ? kRootIno : kSystemIno;
  }
  const auto domain = DomainName::parse(directory.domain);
  if (!domain.ok()) return domain.status();
  const auto head = context.stored.domain(*domain);
  if (!head.ok()) return head.status();
  if (directory.kind != Kind::Entry) return head->ino;
  return parent_of_entry(context.stored, context.mount.containers, directory, *domain, *head);
}

}  // namespace modelfs
