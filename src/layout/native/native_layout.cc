#include "layout/native/native_layout.h"

#include <algorithm>

#include "catalog/keys.h"
#include "formats/forml_package.h"
#include "formats/forml_tag.h"
#include "layout/modelstore/modelstore_layout.h"
#include "layout/node_builders.h"

namespace modelfs {
namespace {

using Kind = Node::Kind;

Node container_node(const std::string& domain, Ino ino, bool is_release) {
  Node place = node_at(Kind::Entry, ino, domain);
  place.container = ino;
  place.is_release = is_release;
  return place;
}

Node link_node(const std::string& domain, Ino ino, std::string target, TimeNs time) {
  Node place = node_at(Kind::Link, ino, domain, FileType::Symlink);
  place.target = std::move(target);
  place.time = time;
  return place;
}

Result<Node> child_of_domain(const Snapshot& stored, const DomainName& domain, std::string_view name) {
  const auto head = stored.domain(domain);
  if (!head.ok()) return head.status();
  if (name == ".stage") return node_at(Kind::Stage, head->stage, domain.str());
  if (name == "versions") return node_at(Kind::Versions, head->versions(), domain.str());
  if (name == "latest" || name == "latest.json") {
    const auto release = stored.latest_release(domain);
    if (!release.ok()) return release.status();
    if (name == "latest")
      return link_node(domain.str(), plus(release->faces, 1), release->version, release->published);
    return document_node(domain.str(), plus(release->faces, 2), release->ino, true, release->metadata_given,
                          release->published);
  }
  if (name.ends_with(kJson)) {
    const auto release = stored.release(domain, name.substr(0, name.size() - kJson.size()));
    if (!release.ok()) return release.status();
    return document_node(domain.str(), release->faces, release->ino, true, release->metadata_given,
                          release->published);
  }
  if (const auto suffix = face_suffix(name); !suffix.empty()) {
    const std::string_view stem = name.substr(0, name.size() - suffix.size());
    const auto release = stem == "latest" ? stored.latest_release(domain) : stored.release(domain, stem);
    if (!release.ok()) return release.status();
    return archive_node(domain.str(), release->ino, true, suffix, release->archive_suffix, release->published);
  }
  const auto release = stored.release(domain, name);
  if (release.ok()) return container_node(domain.str(), release->ino, true);
  if (release.code() != Code::NotFound) return release.status();
  const auto label = stored.label(domain, name);
  if (!label.ok()) return label.status();
  Node place = link_node(domain.str(), label->ino, label->version, label->changed);
  place.is_label = true;
  place.set_by = label->uid;
  return place;
}

// The package of a release as ForML reads it: the archive that it came as, or a zip of what ForML packed.
Result<Node> forml_package(const std::string& domain, const ReleaseRecord& release, const Manifest& manifest) {
  if (release.archive_suffix == ".4ml") {
    return archive_node(domain, release.ino, true, ".4ml", release.archive_suffix, release.published);
  }
  if (!manifest.child(Manifest::kRoot, kPackageManifestName)) return nothing_called(kFormlPackageName);
  return archive_node(domain, release.ino, true, ".zip", release.archive_suffix, release.published);
}

Result<Node> tag_of_generation(const Snapshot& stored, const DomainName& domain, const Container& container) {
  const auto generation = stored.generation(domain, container.release, container.generation);
  if (!generation.ok()) return generation.status();
  Node place = node_at(Kind::Tag, plus(generation->faces, 3), domain.str(), FileType::Regular);
  place.container = generation->ino;
  place.time = generation->published;
  return place;
}

// What a release shows beside its package: generations, latest, and their documents. The package's own names win.
Result<Node> child_of_release(const Snapshot& stored, const DomainName& domain, const ReleaseRecord& release,
                               std::string_view name) {
  if (!release.takes_generations || release.last_generation == kNoGeneration) return nothing_called(name);
  const std::string_view suffix = face_suffix(name);
  const bool is_document = suffix == kJson;
  const std::string_view stem = name.substr(0, name.size() - suffix.size());
  const bool is_latest = stem == "latest";
  const auto number = is_latest ? Result<Generation>(release.last_generation) : parse_generation(stem);
  if (!number.ok()) return nothing_called(name);
  const auto generation = stored.generation(domain, release.sequence, *number);
  if (!generation.ok()) return generation.status();
  if (is_document) {
    return document_node(domain.str(), plus(generation->faces, is_latest ? 2 : 0), generation->ino, false,
                          generation->metadata_given, generation->published);
  }
  if (!suffix.empty()) {
    return archive_node(domain.str(), generation->ino, false, suffix, generation->archive_suffix,
                         generation->published);
  }
  if (is_latest) {
    return link_node(domain.str(), plus(generation->faces, 1), std::to_string(raw(*number)), generation->published);
  }
  return container_node(domain.str(), generation->ino, false);
}

Result<Node> child_of_entry(const Snapshot& stored, const ContainerSource& containers, const Node& parent,
                             std::string_view name) {
  const auto container = containers(parent.container);
  if (!container.ok()) return container.status();
  const auto found = (*container)->manifest->child(parent.index, name);
  if (found) {
    const ManifestEntry& entry = (*container)->manifest->at(*found);
    Node place = parent;
    place.ino = entry.ino;
    place.type = entry.type;
    place.index = *found;
    return place;
  }
  if (!parent.is_release_directory() && !parent.is_generation_directory()) return nothing_called(name);
  const auto domain = DomainName::parse(parent.domain);
  if (!domain.ok()) return domain.status();
  if (parent.is_generation_directory()) {
    return name == kTagName ? tag_of_generation(stored, *domain, **container) : nothing_called(name);
  }
  const auto release = stored.release_of(*domain, **container);
  if (!release.ok()) return release.status();
  if (name == kFormlPackageName) return forml_package(domain->str(), *release, *(*container)->manifest);
  return child_of_release(stored, *domain, *release, name);
}

Result<Node> child_of_root(const Snapshot& stored, std::string_view name) {
  if (name == ".modelfs") return node_at(Kind::System, kSystemIno, "");
  if (name == kModelstoreName) return node_at(Kind::ModelstoreRoot, kModelstoreIno, "");
  const auto domain = DomainName::parse(name);
  if (!domain.ok()) return nothing_called(name);
  const auto head = stored.domain(*domain);
  if (!head.ok()) return head.status();
  return node_at(Kind::Domain, head->ino, domain->str());
}

Result<Node> child_of_system(std::string_view name) {
  if (name == "status.json") return node_at(Kind::Status, kStatusIno, "", FileType::Regular);
  if (name == "metrics") return node_at(Kind::Status, kMetricsIno, "", FileType::Regular);
  if (name == "trash") return node_at(Kind::TrashRoot, kTrashIno, "");
  if (name == "drafts") return node_at(Kind::DraftsRoot, kDraftsIno, "");
  // The mount gives `events` its number, which changes when the file is begun anew.
  if (name == "events") return node_at(Kind::Events, Ino{kEventsInoFirst}, "", FileType::Regular);
  if (name == "events.1") return node_at(Kind::Events, kOldEventsIno, "", FileType::Regular);
  return nothing_called(name);
}

}  // namespace

Result<Node> archive_node(const std::string& domain, Ino container, bool is_release, std::string_view suffix,
                            std::string_view given_suffix, TimeNs time) {
  const auto format = format_of_suffix(suffix);
  const bool given = !given_suffix.empty() && suffix == given_suffix;
  if (!format || (!given && !is_made_suffix(suffix))) return nothing_called(suffix);
  const std::uint64_t which = given ? kGivenArchive : static_cast<std::uint64_t>(*format);
  Node place = node_at(Kind::Archive, in_block(container, which), domain, FileType::Regular);
  place.container = container;
  place.is_release = is_release;
  place.given = given;
  place.format = *format;
  place.time = time;
  return place;
}

bool NativeLayout::holds_drafts(const Node& directory) {
  return directory.kind == Kind::Root || directory.kind == Kind::Domain || directory.kind == Kind::Stage ||
         directory.kind == Kind::Draft || directory.kind == Kind::Uploads || directory.kind == Kind::Versions ||
         directory.is_release_directory() || ModelstoreLayout::holds_drafts(directory);
}

bool NativeLayout::holds_placements(const Node& parent, std::string_view name) {
  if (parent.kind == Kind::Draft) return !parent.domain.empty();
  if (ModelstoreLayout::holds_placements(parent)) return true;
  // The layout of modelstore's first years, in the domain itself: <domain>/<year>/<month>/<day>/<time>/archive.tar.gz.
  return parent.kind == Kind::Domain && name.size() == 4 &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<Node> NativeLayout::child(const Snapshot& stored, const ContainerSource& containers, const Node& parent,
                                std::string_view name) {
  const auto domain = [&] { return DomainName::parse(parent.domain); };
  switch (parent.kind) {
    case Kind::Root: return child_of_root(stored, name);
    case Kind::System: return child_of_system(name);
    case Kind::TrashRoot:
    case Kind::DraftsRoot: {
      if (parent.kind == Kind::DraftsRoot && name == kModelstoreName) {
        return node_at(Kind::Uploads, kModelstoreUploadsIno, "");
      }
      const auto parsed = DomainName::parse(name);
      if (!parsed.ok()) return nothing_called(name);
      const auto head = stored.domain(*parsed);
      if (!head.ok()) return head.status();
      if (parent.kind == Kind::TrashRoot) return node_at(Kind::Trash, head->trash(), parsed->str());
      return node_at(Kind::Uploads, head->uploads(), parsed->str());
    }
    case Kind::Trash: {
      const auto release = stored.removed(*domain(), name);
      if (!release.ok()) return release.status();
      return container_node(parent.domain, release->ino, true);
    }
    case Kind::Domain: return child_of_domain(stored, *domain(), name);
    case Kind::Versions: {
      if (!name.ends_with(kJson)) return nothing_called(name);
      const auto release = stored.release_by_model_id(*domain(), name.substr(0, name.size() - kJson.size()));
      if (!release.ok()) return release.status();
      return document_node(parent.domain, plus(release->faces, 3), release->ino, true, release->metadata_given,
                            release->published);
    }
    case Kind::Entry: return child_of_entry(stored, containers, parent, name);
    case Kind::Draft:
    case Kind::ModelstoreRoot:
    case Kind::ModelstoreDomains:
    case Kind::ModelstoreStates:
    case Kind::ModelstoreDomain:
    case Kind::ModelstoreVersions:
    case Kind::ModelstoreDeleted:
    case Kind::ModelstoreRelease: return ModelstoreLayout::child(stored, containers, parent, name);
    case Kind::Stage:
    case Kind::Uploads:
    case Kind::Status:
    case Kind::Events:
    case Kind::Document:
    case Kind::Archive:
    case Kind::Tag:
    case Kind::Link: return nothing_called(name);
  }
  return nothing_called(name);
}

namespace {

Status list_domain(const Snapshot& stored, const DomainName& domain, std::vector<ListedNode>& names) {
  const auto head = stored.domain(domain);
  if (!head.ok()) return head.status();
  if (const auto release = stored.latest_release(domain); release.ok()) {
    names.push_back({"latest", plus(release->faces, 1), FileType::Symlink});
  }
  Status status = stored.for_each_label(domain, [&](std::string_view name, const LabelRecord& record) {
    names.push_back({std::string(name), record.ino, FileType::Symlink});
    return true;
  });
  if (!status.ok()) return status;
  return stored.for_each_release(domain, [&](const ReleaseRecord& record) {
    names.push_back({record.version, record.ino, FileType::Directory});
    if (record.metadata_given) names.push_back({record.version + ".json", record.faces, FileType::Regular});
    if (!record.archive_suffix.empty()) {
      names.push_back({record.version + record.archive_suffix, given_archive_ino(record.ino), FileType::Regular});
    }
    return true;
  });
}

Status list_entry(const Snapshot& stored, const ContainerSource& containers, const Node& place,
                  std::vector<ListedNode>& names) {
  const auto container = containers(place.container);
  if (!container.ok()) return container.status();
  const Manifest& manifest = *(*container)->manifest;
  const ManifestEntry& directory = manifest.at(place.index);
  for (std::uint32_t i = 0; i < directory.child_count; ++i) {
    const ManifestEntry& entry = manifest.at(directory.first_child + i);
    names.push_back({entry.name, entry.ino, entry.type});
  }
  if (!place.is_release_directory()) return {};
  const auto domain = DomainName::parse(place.domain);
  if (!domain.ok()) return domain.status();
  const auto release = stored.release_of(*domain, **container);
  if (!release.ok()) return release.status();
  const auto add = [&](std::string name, Ino ino, FileType type) {
    if (!manifest.child(Manifest::kRoot, name)) names.push_back({std::move(name), ino, type});
  };
  const Status status = stored.for_each_generation(*domain, release->sequence, [&](const GenerationRecord& generation) {
    const std::string number = std::to_string(raw(generation.number));
    add(number, generation.ino, FileType::Directory);
    if (generation.metadata_given) add(number + ".json", generation.faces, FileType::Regular);
    if (!generation.archive_suffix.empty()) {
      add(number + generation.archive_suffix, given_archive_ino(generation.ino), FileType::Regular);
    }
    if (generation.number == release->last_generation) add("latest", plus(generation.faces, 1), FileType::Symlink);
    return true;
  });
  return status;
}

// The domains that have something in the trash.
Status list_trashes(const Snapshot& stored, std::vector<ListedNode>& names) {
  return stored.for_each_domain([&](const DomainName& domain, const DomainRecord& head) {
    const Status scanned = stored.for_each_removed(domain, [&](std::string_view, const ReleaseRecord&) {
      names.push_back({domain.str(), head.trash(), FileType::Directory});
      return false;
    });
    return scanned.ok();
  });
}

// The domains that have uploads.
Status list_uploads(const Snapshot& stored, std::vector<ListedNode>& names) {
  return stored.for_each_domain([&](const DomainName& domain, const DomainRecord& head) {
    const std::string uploads = keys::draft_entries(head.uploads());
    const Status scanned = stored.keys().scan(uploads, "", [&](std::string_view, std::string_view) {
      names.push_back({domain.str(), head.uploads(), FileType::Directory});
      return false;
    });
    return scanned.ok();
  });
}

}  // namespace

Result<std::vector<ListedNode>> NativeLayout::list(const Snapshot& stored, const ContainerSource& containers,
                                                  const Node& directory) {
  std::vector<ListedNode> names;
  Status status;
  switch (directory.kind) {
    case Kind::Root:
      status = stored.for_each_domain([&](const DomainName& domain, const DomainRecord& head) {
        names.push_back({domain.str(), head.ino, FileType::Directory});
        return true;
      });
      if (stored.keys().get(keys::kModelstoreInUse).ok()) {
        names.push_back({std::string(kModelstoreName), kModelstoreIno, FileType::Directory});
      }
      break;
    case Kind::System:
      names = {{"status.json", kStatusIno, FileType::Regular},
               {"metrics", kMetricsIno, FileType::Regular},
               {"trash", kTrashIno, FileType::Directory},
               {"drafts", kDraftsIno, FileType::Directory}};
      break;
    case Kind::TrashRoot: status = list_trashes(stored, names); break;
    case Kind::DraftsRoot: status = list_uploads(stored, names); break;
    case Kind::Trash:
      status = stored.for_each_removed(*DomainName::parse(directory.domain),
                                       [&](std::string_view name, const ReleaseRecord& release) {
                                         names.push_back({std::string(name), release.ino, FileType::Directory});
                                         return true;
                                       });
      break;
    case Kind::Domain: status = list_domain(stored, *DomainName::parse(directory.domain), names); break;
    case Kind::Versions:
      status = stored.for_each_release(*DomainName::parse(directory.domain), [&](const ReleaseRecord& release) {
        names.push_back({release.model_id + ".json", plus(release.faces, 3), FileType::Regular});
        return true;
      });
      break;
    case Kind::Entry: status = list_entry(stored, containers, directory, names); break;
    case Kind::Draft:
    case Kind::ModelstoreRoot:
    case Kind::ModelstoreDomains:
    case Kind::ModelstoreStates:
    case Kind::ModelstoreDomain:
    case Kind::ModelstoreVersions:
    case Kind::ModelstoreDeleted:
    case Kind::ModelstoreRelease: status = ModelstoreLayout::list(stored, containers, directory, names); break;
    case Kind::Stage:
    case Kind::Uploads:
    case Kind::Status:
    case Kind::Events:
    case Kind::Document:
    case Kind::Archive:
    case Kind::Tag:
    case Kind::Link: break;
  }
  if (!status.ok()) return status;
  return names;
}

}  // namespace modelfs
