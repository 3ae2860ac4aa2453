#include "layout/modelstore/modelstore_layout.h"

#include "catalog/keys.h"
#include "layout/node_builders.h"

namespace modelfs {

using Kind = Node::Kind;

namespace {

// latest.json of the domain itself: see ReleaseRecord::faces.
constexpr std::uint64_t kSeedsLatestFace = 2;

// Which of a release's documents in this layout: see ReleaseRecord::faces.
enum class Face : std::uint64_t { Metadata = 4, Newest = 5, Tombstone = 6, Latest = 7 };

Node document(const std::string& domain, const ReleaseRecord& release, Face face) {
  Node place = document_node(domain, plus(release.faces, static_cast<std::uint64_t>(face)), release.ino, true,
                               release.metadata_given, release.published);
  place.in_modelstore = true;
  return place;
}

Result<Node> tombstone(const std::string& domain, const TombstoneRecord& record) {
  Node place = document_node(domain, plus(record.faces, static_cast<std::uint64_t>(Face::Tombstone)), record.release,
                               true, record.metadata_given, record.removed);
  place.in_modelstore = true;
  return place;
}

Result<Node> archive(const std::string& domain, const ReleaseRecord& release) {
  const bool is_given = format_of_suffix(release.archive_suffix) == ArchiveFormat::TarGz;
  return archive_node(domain, release.ino, true, is_given ? release.archive_suffix : ".tar.gz", release.archive_suffix,
                       release.published);
}

Result<bool> has_place(const Snapshot& stored, Ino release) {
  bool found = false;
  const Status status =
      stored.for_each_placement_of(release, [&](Ino directory, std::string_view name, const PlacementRecord& each) {
        found = each.is_upload() && stored.placement(directory, name).ok();
        return !found;
      });
  if (!status.ok()) return status;
  return found;
}

Node release_directory(const std::string& domain, const ReleaseRecord& release) {
  Node place = node_at(Kind::ModelstoreRelease, ModelstoreLayout::directory_ino(release.ino), domain);
  place.container = release.ino;
  place.target = release.version;
  return place;
}

// The release that was published last, also one in the trash.
Result<ReleaseRecord> newest_release(const Snapshot& stored, const ContainerSource& containers,
                                     const DomainName& domain) {
  const auto newest = stored.newest(domain);
  if (!newest.ok()) return newest.status();
  const auto container = containers(*newest);
  auto release = container.ok() ? stored.release_of(domain, **container) : container.status();
  // What was removed for good is not known any more.
  if (release.code() == Code::NotFound) return stored.latest_release(domain);
  return release;
}

// The file of a release that holds nothing else.
Result<Node> only_file(const ContainerSource& containers, const std::string& domain, const ReleaseRecord& release) {
  const auto container = containers(release.ino);
  if (!container.ok()) return container.status();
  const auto& entries = (*container)->manifest->entries();
  if (entries.size() != 2) return Status(Code::Corrupt, domain + "/" + release.version + " does not hold one file");
  Node place = node_at(Kind::Entry, entries[1].ino, domain);
  place.type = entries[1].type;
  place.container = release.ino;
  place.index = 1;
  place.is_release = true;
  return place;
}

// Whether its client would find `versions` in the domain: it makes that by itself before it writes the first document.
Result<bool> has_versions(const Snapshot& stored, const DomainName& domain, const DomainRecord& head) {
  if (stored.keys().get(keys::draft_inode(head.modelstore_versions())).ok()) return true;
  const auto newest = stored.newest(domain);
  if (!newest.ok() && newest.code() != Code::NotFound) return newest.status();
  return newest.ok();
}

// What a live release's placement shows.
Result<Node> placed(const Snapshot& stored, const ContainerSource& containers, const DomainName& domain,
                     const PlacementRecord& placement) {
  const auto release = stored.release(domain, placement.version);
  if (!release.ok()) return release.status();
  if (placement.kind == PlacementRecord::Kind::Archive) return archive(domain.str(), *release);
  if (placement.kind == PlacementRecord::Kind::File) return only_file(containers, domain.str(), *release);
  // Why a number of its own: to write it again is allowed.
  Node place = document(domain.str(), *release, Face::Metadata);
  place.ino = in_block(release->ino, 33);
  return place;
}

Result<Node> child_of_root(const Snapshot& stored, std::string_view name) {
  if (name == "domains") return node_at(Kind::ModelstoreDomains, kModelstoreDomainsIno, "");
  if (name == "model_states") return node_at(Kind::ModelstoreStates, kModelstoreStatesIno, "");
  const auto domain = DomainName::parse(name);
  if (!domain.ok()) return nothing_called(name);
  const auto head = stored.domain(*domain);
  if (!head.ok()) return head.status();
  return node_at(Kind::ModelstoreDomain, head->modelstore(), domain->str());
}

Result<Node> child_of_domain(const Snapshot& stored, const DomainName& domain, std::string_view name) {
  if (name == "versions") {
    const auto head = stored.domain(domain);
    if (!head.ok()) return head.status();
    const auto is_there = has_versions(stored, domain, *head);
    if (!is_there.ok()) return is_there.status();
    if (!*is_there) return nothing_called(name);
    return node_at(Kind::ModelstoreVersions, head->modelstore_versions(), domain.str());
  }
  if (name == kLatestJsonName) {
    const auto release = stored.latest_release(domain);
    if (!release.ok()) return release.status();
    return document(domain.str(), *release, Face::Latest);
  }
  const auto release = stored.release_by_model_id(domain, name);
  if (!release.ok()) return release.status();
  const auto placed = has_place(stored, release->ino);
  if (!placed.ok()) return placed.status();
  if (*placed) return nothing_called(name);
  return release_directory(domain.str(), *release);
}

Result<Node> child_of_deleted(const Snapshot& stored, const DomainName& domain, std::string_view name) {
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

}  // namespace

bool ModelstoreLayout::holds_drafts(const Node& directory) {
  return directory.kind == Kind::ModelstoreRoot || directory.kind == Kind::ModelstoreDomains ||
         directory.kind == Kind::ModelstoreStates || directory.kind == Kind::ModelstoreDomain ||
         directory.kind == Kind::ModelstoreVersions || directory.kind == Kind::ModelstoreDeleted;
}

Result<Node> ModelstoreLayout::child(const Snapshot& stored, const ContainerSource& containers, const Node& parent,
                                    std::string_view name) {
  if (parent.kind == Kind::ModelstoreRoot) return child_of_root(stored, name);
  if (parent.kind == Kind::ModelstoreStates) return nothing_called(name);
  if (parent.kind == Kind::ModelstoreDomains) {
    const auto named = DomainName::parse(json_stem(name));
    if (!named.ok()) return nothing_called(name);
    const auto release = newest_release(stored, containers, *named);
    if (!release.ok()) return release.status();
    return document(named->str(), *release, Face::Newest);
  }
  if (parent.domain.empty()) return nothing_called(name);
  const auto domain = DomainName::parse(parent.domain);
  if (!domain.ok()) return domain.status();
  if (parent.kind == Kind::ModelstoreDomain) return child_of_domain(stored, *domain, name);
  if (parent.kind == Kind::ModelstoreDeleted) return child_of_deleted(stored, *domain, name);
  if (parent.kind == Kind::ModelstoreVersions) {
    if (name == kModelstoreDeletedName) {
      const auto head = stored.domain(*domain);
      if (!head.ok()) return head.status();
      return node_at(Kind::ModelstoreDeleted, head->modelstore_deleted(), domain->str());
    }
    if (json_stem(name).empty()) return nothing_called(name);
    const auto release = stored.release_by_model_id(*domain, json_stem(name));
    if (!release.ok()) return release.status();
    return document(domain->str(), *release, Face::Metadata);
  }
  if (parent.kind == Kind::ModelstoreRelease) {
    if (name != kModelstoreArchiveName) return nothing_called(name);
    const auto release = stored.release(*domain, parent.target);
    if (!release.ok()) return release.status();
    return archive(domain->str(), *release);
  }
  const auto placement = stored.placement(parent.ino, name);
  if (!placement.ok()) return placement.status();
  return placed(stored, containers, *domain, *placement);
}

namespace {

Status list_root(const Snapshot& stored, std::vector<ListedNode>& names) {
  names.push_back({"domains", kModelstoreDomainsIno, FileType::Directory});
  names.push_back({"model_states", kModelstoreStatesIno, FileType::Directory});
  return stored.for_each_domain([&](const DomainName& domain, const DomainRecord& head) {
    names.push_back({domain.str(), head.modelstore(), FileType::Directory});
    return true;
  });
}

Status list_domain_files(const Snapshot& stored, const ContainerSource& containers, std::vector<ListedNode>& names) {
  return stored.for_each_domain([&](const DomainName& domain, const DomainRecord&) {
    const auto release = newest_release(stored, containers, domain);
    if (!release.ok()) return true;
    const Node place = document(domain.str(), *release, Face::Newest);
    names.push_back({domain.str() + std::string(kJson), place.ino, place.type});
    return true;
  });
}

Status list_domain(const Snapshot& stored, const DomainName& domain, std::vector<ListedNode>& names) {
  const auto head = stored.domain(domain);
  if (!head.ok()) return head.status();
  const auto is_there = has_versions(stored, domain, *head);
  if (!is_there.ok()) return is_there.status();
  if (*is_there) names.push_back({"versions", head->modelstore_versions(), FileType::Directory});
  Status failed;
  const Status status = stored.for_each_release(domain, [&](const ReleaseRecord& release) {
    const auto placed = has_place(stored, release.ino);
    if (!placed.ok()) failed = placed.status();
    if (placed.ok() && !*placed) {
      names.push_back({release.model_id, release_directory(domain.str(), release).ino, FileType::Directory});
    }
    return failed.ok();
  });
  return failed.ok() ? status : failed;
}

Status list_deleted(const Snapshot& stored, const DomainName& domain, std::vector<ListedNode>& names) {
  return stored.for_each_tombstone(domain, [&](std::string_view, const TombstoneRecord& each) {
    if (each.is_forgotten || stored.release_by_model_id(domain, each.model_id).ok()) return true;
    names.push_back({each.model_id + std::string(kJson), tombstone(domain.str(), each)->ino, FileType::Regular});
    return true;
  });
}

Status list_versions(const Snapshot& stored, const DomainName& domain, std::vector<ListedNode>& names) {
  const auto head = stored.domain(domain);
  if (!head.ok()) return head.status();
  std::vector<ListedNode> deleted;
  if (Status status = list_deleted(stored, domain, deleted); !status.ok()) return status;
  // Why only then: its client removes directories that are empty.
  if (!deleted.empty()) {
    names.push_back({std::string(kModelstoreDeletedName), head->modelstore_deleted(), FileType::Directory});
  }
  return stored.for_each_release(domain, [&](const ReleaseRecord& release) {
    const Node place = document(domain.str(), release, Face::Metadata);
    names.push_back({release.model_id + std::string(kJson), place.ino, place.type});
    return true;
  });
}

}  // namespace

Status ModelstoreLayout::list(const Snapshot& stored, const ContainerSource& containers, const Node& directory,
                            std::vector<ListedNode>& names) {
  if (directory.kind == Kind::ModelstoreRoot) return list_root(stored, names);
  if (directory.kind == Kind::ModelstoreDomains) return list_domain_files(stored, containers, names);
  if (directory.domain.empty()) return {};
  const auto domain = DomainName::parse(directory.domain);
  if (!domain.ok()) return domain.status();
  if (directory.kind == Kind::ModelstoreDomain) return list_domain(stored, *domain, names);
  if (directory.kind == Kind::ModelstoreVersions) return list_versions(stored, *domain, names);
  if (directory.kind == Kind::ModelstoreDeleted) return list_deleted(stored, *domain, names);
  if (directory.kind == Kind::ModelstoreRelease) {
    const auto place = child(stored, containers, directory, kModelstoreArchiveName);
    if (place.ok()) names.push_back({std::string(kModelstoreArchiveName), place->ino, place->type});
    return {};
  }
  return stored.for_each_placement(directory.ino, [&](std::string_view name, const PlacementRecord& each) {
    const auto place = placed(stored, containers, *domain, each);
    if (place.ok()) names.push_back({std::string(name), place->ino, place->type});
    return true;
  });
}

bool ModelstoreLayout::is_legacy_latest_json(const Snapshot& stored, const ContainerSource& containers,
                                     const DomainName& domain, const Node& place) {
  if (place.kind != Kind::Document || !place.is_release || place.in_modelstore) return false;
  const auto container = containers(place.container);
  if (!container.ok()) return false;
  const auto release = stored.release_of(domain, **container);
  if (!release.ok() || place.ino != plus(release->faces, kSeedsLatestFace)) return false;
  const auto path = archive_path(stored, domain.str(), release->ino, release->model_id, false);
  return path.ok() && !path->starts_with(kModelstoreName);
}

Ino ModelstoreLayout::metadata_ino(const ReleaseRecord& release) {
  return plus(release.faces, static_cast<std::uint64_t>(Face::Metadata));
}

Result<std::string> ModelstoreLayout::archive_path(const Snapshot& stored, const std::string& domain, Ino release,
                                                 std::string_view model_id, bool is_removed) {
  std::string path;
  const Status status =
      stored.for_each_placement_of(release, [&](Ino directory, std::string_view name, const PlacementRecord& each) {
        const bool counts = is_removed || stored.placement(directory, name).ok();
        if (each.is_upload() && counts) path = each.path;
        return path.empty();
      });
  if (!status.ok()) return status;
  if (!path.empty()) return path;
  return std::string(kModelstoreName) + "/" + domain + "/" + std::string(model_id) + "/" +
         std::string(kModelstoreArchiveName);
}

}  // namespace modelfs
