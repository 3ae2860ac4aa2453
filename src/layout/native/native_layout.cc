#include "layout/native/native_layout.h"

#include <algorithm>

#include "catalog/keys.h"
#include "formats/forml_package.h"
#include "formats/forml_tag.h"
#include "formats/metadata.h"
#include "layout/native/roles.h"
#include "layout/node_builders.h"
#include "layout/upload_paths.h"

namespace modelfs {
namespace {

using Kind = Node::Kind;

Node directory_node(NativeRole role, Ino ino, const std::string& domain = "") {
  Node node = node_at(Kind::Directory, ino, domain);
  node.role = static_cast<std::uint8_t>(role);
  return node;
}

Node metadata_node(const std::string& domain, Ino ino, Ino container, bool is_release, bool given, TimeNs time,
                   NativeRole role = NativeRole::Metadata) {
  Node node = text_node(domain, ino, container, is_release, time, static_cast<std::uint8_t>(role));
  node.given = given;
  return node;
}

Result<Node> child_of_domain(const Snapshot& stored, const DomainName& domain, std::string_view name) {
  const auto head = stored.domain(domain);
  if (!head.ok()) return head.status();
  if (name == ".stage") return node_at(Kind::Stage, head->stage, domain.str());
  if (name == "versions") return directory_node(NativeRole::Versions, head->versions(), domain.str());
  if (name == "latest" || name == "latest.json") {
    const auto release = stored.latest_release(domain);
    if (!release.ok()) return release.status();
    if (name == "latest") return link_node(domain.str(), plus(release->faces, 1), release->version, release->published);
    Node node = metadata_node(domain.str(), plus(release->faces, 2), release->ino, true, release->metadata_given,
                              release->published, NativeRole::LatestJson);
    // Early versions of modelstore's client replace it with each upload.
    if (came_by_first_layout(stored, domain, *release)) node.rewrite = Node::Rewrite::Copy;
    return node;
  }
  if (name.ends_with(kJson)) {
    const auto release = stored.release(domain, name.substr(0, name.size() - kJson.size()));
    if (!release.ok()) return release.status();
    return metadata_node(domain.str(), release->faces, release->ino, true, release->metadata_given, release->published);
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

// The package of a release as ForML reads it: the uploaded archive, or a zip of what ForML packed.
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
  Node node = text_node(domain.str(), plus(generation->faces, 3), generation->ino, false, generation->published,
                        static_cast<std::uint8_t>(NativeRole::Tag));
  node.rewrite = Node::Rewrite::Taken;
  return node;
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
    return metadata_node(domain.str(), plus(generation->faces, is_latest ? 2 : 0), generation->ino, false,
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
    Node node = parent;
    node.ino = entry.ino;
    node.type = entry.type;
    node.index = *found;
    return node;
  }
  if (!parent.is_release_directory() && !parent.is_generation_directory()) return nothing_called(name);
  const auto domain = DomainName::parse(parent.domain);
  if (!domain.ok()) return domain.status();
  if (parent.is_generation_directory()) {
    return name == kTagName ? tag_of_generation(stored, *domain, **container) : nothing_called(name);
  }
  const auto release = stored.release_of(**container);
  if (!release.ok()) return release.status();
  if (name == kFormlPackageName) return forml_package(domain->str(), *release, *(*container)->manifest);
  return child_of_release(stored, *domain, *release, name);
}

Result<Node> child_of_root(const Snapshot& stored, std::string_view name) {
  if (name == ".modelfs") return directory_node(NativeRole::System, kSystemIno);
  const auto domain = DomainName::parse(name);
  if (!domain.ok()) return nothing_called(name);
  const auto head = stored.domain(*domain);
  if (!head.ok()) return head.status();
  return node_at(Kind::Domain, head->ino, domain->str());
}

Result<Node> child_of_system(std::string_view name) {
  if (name == "status.json") return node_at(Kind::MountFile, kStatusIno, "", FileType::Regular);
  if (name == "metrics") return node_at(Kind::MountFile, kMetricsIno, "", FileType::Regular);
  if (name == "trash") return directory_node(NativeRole::TrashRoot, kTrashIno);
  if (name == "drafts") return directory_node(NativeRole::DraftsRoot, kDraftsIno);
  // The mount gives `events` its number, which changes when the file is rotated.
  if (name == "events") return node_at(Kind::MountFile, Ino{kEventsInoFirst}, "", FileType::Regular);
  if (name == "events.1") return node_at(Kind::MountFile, kOldEventsIno, "", FileType::Regular);
  return nothing_called(name);
}

}  // namespace

Node NativeLayout::root() const { return node_at(Kind::Root, kRootIno, ""); }

bool NativeLayout::holds_drafts(const Node& directory) const {
  switch (directory.kind) {
    case Kind::Root:
    case Kind::Domain:
    case Kind::Stage:
    case Kind::Uploads:
    case Kind::Draft: return true;
    case Kind::Directory: return native_role(directory) == NativeRole::Versions;
    default: return directory.is_release_directory();
  }
}

namespace {

// /.modelfs/trash/<name>, /.modelfs/drafts/<name>.
Result<Node> child_by_domain(const Snapshot& stored, NativeRole role, std::string_view name) {
  if (role == NativeRole::DraftsRoot && name == kModelstoreName)
    return node_at(Kind::Uploads, kModelstoreUploadsIno, "");
  const auto domain = DomainName::parse(name);
  if (!domain.ok()) return nothing_called(name);
  const auto head = stored.domain(*domain);
  if (!head.ok()) return head.status();
  if (role == NativeRole::TrashRoot) return node_at(Kind::Trash, head->trash(), domain->str());
  return node_at(Kind::Uploads, head->uploads(), domain->str());
}

Result<Node> child_of_versions(const Snapshot& stored, const DomainName& domain, std::string_view name) {
  if (!name.ends_with(kJson)) return nothing_called(name);
  const auto release = stored.release_by_model_id(domain, name.substr(0, name.size() - kJson.size()));
  if (!release.ok()) return release.status();
  return metadata_node(domain.str(), plus(release->faces, 3), release->ino, true, release->metadata_given,
                       release->published);
}

Result<Node> child_of_trash(const Snapshot& stored, const DomainName& domain, std::string_view name) {
  const auto release = stored.removed(domain, name);
  if (!release.ok()) return release.status();
  return container_node(domain.str(), release->ino, true);
}

}  // namespace

Result<Node> NativeLayout::child(const LayoutContext& context, const Node& parent, std::string_view name) const {
  const Snapshot& stored = context.stored;
  if (parent.kind == Kind::Root) return child_of_root(stored, name);
  if (parent.kind == Kind::Entry) return child_of_entry(stored, context.mount.containers, parent, name);
  if (parent.kind == Kind::Directory && native_role(parent) == NativeRole::System) return child_of_system(name);
  if (parent.kind == Kind::Directory && native_role(parent) != NativeRole::Versions) {
    return child_by_domain(stored, native_role(parent), name);
  }
  const auto domain = DomainName::parse(parent.domain);
  if (!domain.ok()) return nothing_called(name);
  if (parent.kind == Kind::Domain) return child_of_domain(stored, *domain, name);
  if (parent.kind == Kind::Trash) return child_of_trash(stored, *domain, name);
  if (parent.kind == Kind::Directory) return child_of_versions(stored, *domain, name);
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

Status list_entry(const Snapshot& stored, const ContainerSource& containers, const Node& node,
                  std::vector<ListedNode>& names) {
  const auto container = containers(node.container);
  if (!container.ok()) return container.status();
  const Manifest& manifest = *(*container)->manifest;
  const ManifestEntry& directory = manifest.at(node.index);
  for (std::uint32_t i = 0; i < directory.child_count; ++i) {
    const ManifestEntry& entry = manifest.at(directory.first_child + i);
    names.push_back({entry.name, entry.ino, entry.type});
  }
  if (!node.is_release_directory()) return {};
  const auto domain = DomainName::parse(node.domain);
  if (!domain.ok()) return domain.status();
  const auto release = stored.release_of(**container);
  if (!release.ok()) return release.status();
  const auto add = [&](std::string name, Ino ino, FileType type) {
    if (!manifest.child(Manifest::kRoot, name)) names.push_back({std::move(name), ino, type});
  };
  const Status status = stored.for_each_generation(*domain, release->sequence, [&](const GenerationRecord& generation) {
    const std::string number = std::to_string(raw(generation.number));
    add(number, generation.ino, FileType::Directory);
    // Not its faces, given ones neither: a copy of the release would have them as content.
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

namespace {

Status list_root(const Snapshot& stored, std::vector<ListedNode>& names) {
  return stored.for_each_domain([&](const DomainName& domain, const DomainRecord& head) {
    names.push_back({domain.str(), head.ino, FileType::Directory});
    return true;
  });
}

Status list_directory(const Snapshot& stored, const Node& directory, std::vector<ListedNode>& names) {
  switch (native_role(directory)) {
    case NativeRole::System:
      names.push_back({"status.json", kStatusIno, FileType::Regular});
      names.push_back({"metrics", kMetricsIno, FileType::Regular});
      names.push_back({"trash", kTrashIno, FileType::Directory});
      names.push_back({"drafts", kDraftsIno, FileType::Directory});
      return {};
    case NativeRole::TrashRoot: return list_trashes(stored, names);
    case NativeRole::DraftsRoot: return list_uploads(stored, names);
    case NativeRole::Versions:
      return stored.for_each_release(*DomainName::parse(directory.domain), [&](const ReleaseRecord& release) {
        names.push_back({release.model_id + ".json", plus(release.faces, 3), FileType::Regular});
        return true;
      });
    default: return {};
  }
}

}  // namespace

Status NativeLayout::list(const LayoutContext& context, const Node& directory, std::vector<ListedNode>& names) const {
  const Snapshot& stored = context.stored;
  switch (directory.kind) {
    case Kind::Root: return list_root(stored, names);
    case Kind::Domain: return list_domain(stored, *DomainName::parse(directory.domain), names);
    case Kind::Entry: return list_entry(stored, context.mount.containers, directory, names);
    case Kind::Directory: return list_directory(stored, directory, names);
    case Kind::Trash:
      return stored.for_each_removed(*DomainName::parse(directory.domain),
                                     [&](std::string_view name, const ReleaseRecord& release) {
                                       names.push_back({std::string(name), release.ino, FileType::Directory});
                                       return true;
                                     });
    default: return {};
  }
}

Result<std::string> NativeLayout::text(const LayoutContext& context, const Node& node) const {
  if (native_role(node) == NativeRole::Tag) return make_tag(node.time);
  auto text = context.stored.metadata(node.container);
  if (!text.ok() || (node.given && !node.is_release)) return text;
  if (node.given) return splice_release_path(context, node, *text);
  const auto container = context.mount.containers(node.container);
  if (!container.ok()) return container.status();
  std::string path = (*container)->domain + "/" + (*container)->version;
  if ((*container)->generation != kNoGeneration) path += "/" + std::to_string(raw((*container)->generation));
  return present_metadata(*text, {context.mount.path, context.mount.path + "/" + path});
}

bool NativeLayout::is_marker(const Manifest& manifest, const Node& file) const {
  if (file.kind != Kind::Entry || file.is_release) return false;
  const auto tag = manifest.find(kTagName);
  return tag.ok() && *tag == file.index;
}

// Not `latest` with a suffix, which is another release's after each commit.
bool NativeLayout::is_face(const Node& parent, std::string_view name, const Node& node) const {
  if (parent.kind != Kind::Domain || (node.kind != Kind::Text && node.kind != Kind::Archive)) return false;
  return name.substr(0, name.size() - face_suffix(name).size()) != "latest";
}

Result<bool> NativeLayout::is_gone(const LayoutContext& context, const Node& face) const {
  if (!face.is_release || (face.kind != Kind::Text && face.kind != Kind::Archive)) return false;
  const auto domain = DomainName::parse(face.domain);
  const auto container = context.mount.containers(face.container);
  if (!domain.ok() || !container.ok()) return domain.ok() ? container.status() : domain.status();
  const auto release = context.stored.release(*domain, (*container)->version);
  if (!release.ok() && release.code() != Code::NotFound) return release.status();
  return !release.ok() || release->ino != face.container;
}

std::vector<ListedNode> NativeLayout::faces_of(const Node& directory, const ReleaseRecord& release) const {
  std::vector<ListedNode> faces;
  if (directory.kind != Kind::Domain) return faces;
  for (const std::string_view suffix : face_suffixes()) {
    Ino ino = release.faces;
    if (suffix != kJson) {
      const auto archive = archive_node(directory.domain, release.ino, true, suffix, release.archive_suffix, {});
      if (!archive.ok()) continue;
      ino = archive->ino;
    }
    faces.push_back({release.version + std::string(suffix), ino, FileType::Regular});
  }
  return faces;
}

}  // namespace modelfs
