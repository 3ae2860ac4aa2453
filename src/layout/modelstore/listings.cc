// What the directories of modelstore's layout list.
#include "layout/modelstore/modelstore_layout.h"
#include "layout/modelstore/releases.h"
#include "layout/modelstore/roles.h"
#include "layout/node_builders.h"
#include "layout/upload_paths.h"

namespace modelfs {

using Kind = Node::Kind;

namespace {

Status list_modelstore_root(const Snapshot& stored, std::vector<ListedNode>& names) {
  names.push_back({"domains", kModelstoreDomainsIno, FileType::Directory});
  names.push_back({"model_states", kModelstoreStatesIno, FileType::Directory});
  return stored.for_each_domain([&](const DomainName& domain, const DomainRecord& head) {
    names.push_back({domain.str(), head.modelstore(), FileType::Directory});
    return true;
  });
}

}  // namespace

Status ModelstoreLayout::list_domain_files(const LayoutContext& context, std::vector<ListedNode>& names) const {
  return context.stored.for_each_domain([&](const DomainName& domain, const DomainRecord&) {
    const auto release = newest_release(context.stored, context.mount.containers, domain);
    if (!release.ok()) return true;
    const Node node = document(domain.str(), *release, role_number(ModelstoreRole::Newest));
    names.push_back({domain.str() + std::string(kJson), node.ino, node.type});
    return true;
  });
}

Status ModelstoreLayout::list_domain(const Snapshot& stored, const DomainName& domain,
                                     std::vector<ListedNode>& names) const {
  const auto head = stored.domain(domain);
  if (!head.ok()) return head.status();
  const auto is_there = has_versions(stored, domain, *head);
  if (!is_there.ok()) return is_there.status();
  if (*is_there) names.push_back({"versions", head->modelstore_versions(), FileType::Directory});
  Status failed;
  const Status status = stored.for_each_release(domain, [&](const ReleaseRecord& release) {
    const auto is_placed = has_place(stored, domain, release.ino);
    if (!is_placed.ok()) failed = is_placed.status();
    if (is_placed.ok() && !*is_placed) {
      names.push_back({release.model_id, release_directory(domain.str(), release).ino, FileType::Directory});
    }
    return failed.ok();
  });
  return failed.ok() ? status : failed;
}

Status ModelstoreLayout::list_deleted(const Snapshot& stored, const DomainName& domain,
                                      std::vector<ListedNode>& names) const {
  return stored.for_each_tombstone(domain, [&](std::string_view, const TombstoneRecord& each) {
    if (each.is_forgotten || stored.release_by_model_id(domain, each.model_id).ok()) return true;
    names.push_back({each.model_id + std::string(kJson), tombstone(domain.str(), each).ino, FileType::Regular});
    return true;
  });
}

Status ModelstoreLayout::list_versions(const Snapshot& stored, const DomainName& domain,
                                       std::vector<ListedNode>& names) const {
  const auto head = stored.domain(domain);
  if (!head.ok()) return head.status();
  std::vector<ListedNode> deleted;
  if (Status status = list_deleted(stored, domain, deleted); !status.ok()) return status;
  // Why only then: its client removes directories that are empty.
  if (!deleted.empty()) {
    names.push_back({std::string(kModelstoreDeletedName), head->modelstore_deleted(), FileType::Directory});
  }
  return stored.for_each_release(domain, [&](const ReleaseRecord& release) {
    const Node node = document(domain.str(), release, role_number(ModelstoreRole::Metadata));
    names.push_back({release.model_id + std::string(kJson), node.ino, node.type});
    return true;
  });
}

Status ModelstoreLayout::list_placed(const LayoutContext& context, const DomainName& domain, const Node& directory,
                                     std::vector<ListedNode>& names) const {
  return context.stored.for_each_placement(domain, directory.target,
                                           [&](std::string_view name, const PlacementRecord& each) {
                                             const auto node = placed(context, domain, each);
                                             if (node.ok()) names.push_back({std::string(name), node->ino, node->type});
                                             return true;
                                           });
}

Status ModelstoreLayout::list(const LayoutContext& context, const Node& directory,
                              std::vector<ListedNode>& names) const {
  const ModelstoreRole role = directory.kind == Kind::Directory ? modelstore_role(directory) : ModelstoreRole::None;
  if (role == ModelstoreRole::Root) return list_modelstore_root(context.stored, names);
  if (role == ModelstoreRole::Domains) return list_domain_files(context, names);
  if (directory.domain.empty()) return {};
  const auto domain = DomainName::parse(directory.domain);
  if (!domain.ok()) return domain.status();
  switch (role) {
    case ModelstoreRole::Domain: return list_domain(context.stored, *domain, names);
    case ModelstoreRole::Versions: return list_versions(context.stored, *domain, names);
    case ModelstoreRole::Deleted: return list_deleted(context.stored, *domain, names);
    case ModelstoreRole::Release: {
      const auto node = child(context, directory, kModelstoreArchiveName);
      if (node.ok()) names.push_back({std::string(kModelstoreArchiveName), node->ino, node->type});
      return {};
    }
    default: return list_placed(context, *domain, directory, names);
  }
}

}  // namespace modelfs
