#include "layout/modelstore/modelstore_layout.h"

#include "catalog/keys.h"
#include "formats/modelstore_document.h"
#include "layout/modelstore/client_document.h"
#include "layout/modelstore/releases.h"
#include "layout/modelstore/roles.h"
#include "layout/node_builders.h"
#include "layout/upload_paths.h"

namespace modelfs {

using Kind = Node::Kind;

namespace {

// Which of a release's numbers a document has: see ReleaseRecord::faces.
std::uint64_t face_of(ModelstoreRole role) {
  switch (role) {
    case ModelstoreRole::Newest: return 5;
    case ModelstoreRole::Tombstone: return 6;
    case ModelstoreRole::Latest: return 7;
    default: return 4;
  }
}

}  // namespace

Node ModelstoreLayout::directory(std::uint8_t role, Ino ino, const std::string& domain) const {
  Node node = node_at(Kind::Directory, ino, domain);
  node.layout = id_;
  node.role = role;
  return node;
}

Node ModelstoreLayout::document(const std::string& domain, const ReleaseRecord& release, std::uint8_t role) const {
  Node node = text_node(domain, plus(release.faces, face_of(static_cast<ModelstoreRole>(role))), release.ino, true,
                        release.published, role);
  node.layout = id_;
  node.given = release.metadata_given;
  node.rewrite = role == role_number(ModelstoreRole::Metadata) ? Node::Rewrite::Taken : Node::Rewrite::Copy;
  return node;
}

Node ModelstoreLayout::tombstone(const std::string& domain, const TombstoneRecord& record) const {
  Node node = text_node(domain, plus(record.faces, face_of(ModelstoreRole::Tombstone)), record.release, true,
                        record.removed, role_number(ModelstoreRole::Tombstone));
  node.layout = id_;
  node.given = record.metadata_given;
  node.rewrite = Node::Rewrite::Copy;
  return node;
}

Node ModelstoreLayout::release_directory(const std::string& domain, const ReleaseRecord& release) const {
  Node node = directory(role_number(ModelstoreRole::Release), modelstore_directory_ino(release.ino), domain);
  node.container = release.ino;
  node.target = release.version;
  return node;
}

// What a live release's placement shows.
Result<Node> ModelstoreLayout::placed(const LayoutContext& context, const DomainName& domain,
                                      const PlacementRecord& placement) const {
  const auto release = context.stored.release(domain, placement.version);
  if (!release.ok()) return release.status();
  if (placement.kind == PlacementRecord::Kind::Archive) return archive_of(domain.str(), *release);
  if (placement.kind == PlacementRecord::Kind::File) return only_file(context.mount.containers, domain.str(), *release);
  Node node = document(domain.str(), *release, role_number(ModelstoreRole::InState));
  // Why a number of its own: to write it again is allowed.
  node.ino = in_block(release->ino, 33);
  return node;
}

Node ModelstoreLayout::root() const { return directory(role_number(ModelstoreRole::Root), kModelstoreIno, ""); }

bool ModelstoreLayout::is_listed(const Snapshot& stored) const {
  return stored.keys().get(keys::kModelstoreInUse).ok();
}

Result<Node> ModelstoreLayout::child_of_root(const Snapshot& stored, std::string_view name) const {
  if (name == "domains") return directory(role_number(ModelstoreRole::Domains), kModelstoreDomainsIno, "");
  if (name == "model_states") return directory(role_number(ModelstoreRole::States), kModelstoreStatesIno, "");
  const auto domain = DomainName::parse(name);
  if (!domain.ok()) return nothing_called(name);
  const auto head = stored.domain(*domain);
  if (!head.ok()) return head.status();
  return directory(role_number(ModelstoreRole::Domain), head->modelstore(), domain->str());
}

Result<Node> ModelstoreLayout::child_of_domain(const Snapshot& stored, const DomainName& domain,
                                               std::string_view name) const {
  if (name == "versions") {
    const auto head = stored.domain(domain);
    if (!head.ok()) return head.status();
    const auto is_there = has_versions(stored, domain, *head);
    if (!is_there.ok()) return is_there.status();
    if (!*is_there) return nothing_called(name);
    return directory(role_number(ModelstoreRole::Versions), head->modelstore_versions(), domain.str());
  }
  if (name == kLatestJsonName) {
    const auto release = stored.latest_release(domain);
    if (!release.ok()) return release.status();
    return document(domain.str(), *release, role_number(ModelstoreRole::Latest));
  }
  const auto release = stored.release_by_model_id(domain, name);
  if (!release.ok()) return release.status();
  const auto is_placed = has_place(stored, domain, release->ino);
  if (!is_placed.ok()) return is_placed.status();
  if (*is_placed) return nothing_called(name);
  return release_directory(domain.str(), *release);
}

Result<Node> ModelstoreLayout::child_of_versions(const Snapshot& stored, const DomainName& domain,
                                                 std::string_view name) const {
  if (name == kModelstoreDeletedName) {
    const auto head = stored.domain(domain);
    if (!head.ok()) return head.status();
    return directory(role_number(ModelstoreRole::Deleted), head->modelstore_deleted(), domain.str());
  }
  if (json_stem(name).empty()) return nothing_called(name);
  const auto release = stored.release_by_model_id(domain, json_stem(name));
  if (!release.ok()) return release.status();
  return document(domain.str(), *release, role_number(ModelstoreRole::Metadata));
}

Result<Node> ModelstoreLayout::child_of_deleted(const Snapshot& stored, const DomainName& domain,
                                                std::string_view name) const {
  const std::string_view id = json_stem(name);
  if (id.empty() || stored.release_by_model_id(domain, id).ok()) return nothing_called(name);
  // Most releases that this layout's client has made are called as their model is.
  auto found = stored.tombstone(domain, id);
  if (!found.ok() || found->model_id != id) {
    found = nothing_called(name);
    const Status status = stored.for_each_tombstone(domain, [&](std::string_view, const TombstoneRecord& each) {
      if (each.model_id == id) found = each;
      return !found.ok();
    });
    if (!status.ok()) return status;
  }
  if (!found.ok()) return found.status();
  if (found->is_forgotten) return nothing_called(name);
  return tombstone(domain.str(), *found);
}

Result<Node> ModelstoreLayout::child(const LayoutContext& context, const Node& parent, std::string_view name) const {
  const Snapshot& stored = context.stored;
  const ModelstoreRole role = parent.kind == Kind::Directory ? modelstore_role(parent) : ModelstoreRole::None;
  if (role == ModelstoreRole::Root) return child_of_root(stored, name);
  if (role == ModelstoreRole::Domains) {
    const auto named = DomainName::parse(json_stem(name));
    if (!named.ok()) return nothing_called(name);
    const auto release = newest_release(stored, context.mount.containers, *named);
    if (!release.ok()) return release.status();
    return document(named->str(), *release, role_number(ModelstoreRole::Newest));
  }
  if (role == ModelstoreRole::States || parent.domain.empty()) return nothing_called(name);
  const auto domain = DomainName::parse(parent.domain);
  if (!domain.ok()) return domain.status();
  switch (role) {
    case ModelstoreRole::Domain: return child_of_domain(stored, *domain, name);
    case ModelstoreRole::Deleted: return child_of_deleted(stored, *domain, name);
    case ModelstoreRole::Versions: return child_of_versions(stored, *domain, name);
    case ModelstoreRole::Release: {
      if (name != kModelstoreArchiveName) return nothing_called(name);
      const auto release = stored.release(*domain, parent.target);
      if (!release.ok()) return release.status();
      return archive_of(domain->str(), *release);
    }
    default: break;
  }
  const auto placement = stored.placement(*domain, parent.target, name);
  if (!placement.ok()) return placement.status();
  return placed(context, *domain, *placement);
}

Result<Ino> ModelstoreLayout::parent(const LayoutContext& context, const Node& directory) const {
  switch (modelstore_role(directory)) {
    case ModelstoreRole::Root: return kRootIno;
    case ModelstoreRole::Domains:
    case ModelstoreRole::States:
    case ModelstoreRole::Domain: return kModelstoreIno;
    default: break;
  }
  const auto domain = DomainName::parse(directory.domain);
  if (!domain.ok()) return domain.status();
  const auto head = context.stored.domain(*domain);
  if (!head.ok()) return head.status();
  return modelstore_role(directory) == ModelstoreRole::Deleted ? head->modelstore_versions() : head->modelstore();
}

Result<Attributes> ModelstoreLayout::attributes(const LayoutContext& context, const Node& node,
                                                std::uint64_t content_bytes) const {
  if (node.domain.empty()) return describe_mount_directory(context, node, context.mount.root_owner());
  return describe_committed(context, node, content_bytes);
}

Result<std::string> ModelstoreLayout::text(const LayoutContext& context, const Node& node) const {
  const auto text = context.stored.metadata(node.container);
  if (!text.ok()) return text.status();
  return client_document(context, node, *text);
}

}  // namespace modelfs
