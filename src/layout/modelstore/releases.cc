#include "layout/modelstore/releases.h"

#include "catalog/keys.h"
#include "layout/node_builders.h"

namespace modelfs {

Result<Node> archive_of(const std::string& domain, const ReleaseRecord& release) {
  const bool is_given = format_of_suffix(release.archive_suffix) == ArchiveFormat::TarGz;
  return archive_node(domain, release.ino, true, is_given ? release.archive_suffix : ".tar.gz", release.archive_suffix,
                      release.published);
}

Result<bool> has_place(const Snapshot& stored, const DomainName& domain, Ino release) {
  bool found = false;
  const Status status = stored.for_each_placement_of(
      release, [&](std::string_view directory, std::string_view name, const PlacementRecord& each) {
        found = each.is_upload() && stored.placement(domain, directory, name).ok();
        return !found;
      });
  if (!status.ok()) return status;
  return found;
}

Result<ReleaseRecord> newest_release(const Snapshot& stored, const ContainerSource& containers,
                                     const DomainName& domain) {
  const auto newest = stored.newest(domain);
  if (!newest.ok()) return newest.status();
  const auto container = containers(*newest);
  auto release = container.ok() ? stored.release_of(**container) : container.status();
  // What was removed for good is not known any more.
  if (release.code() == Code::NotFound) return stored.latest_release(domain);
  return release;
}

Result<Node> only_file(const ContainerSource& containers, const std::string& domain, const ReleaseRecord& release) {
  const auto container = containers(release.ino);
  if (!container.ok()) return container.status();
  const auto& entries = (*container)->manifest->entries();
  if (entries.size() != 2) return Status(Code::Corrupt, domain + "/" + release.version + " does not hold one file");
  Node node = container_node(domain, release.ino, true);
  node.ino = entries[1].ino;
  node.type = entries[1].type;
  node.index = 1;
  return node;
}

Result<bool> has_versions(const Snapshot& stored, const DomainName& domain, const DomainRecord& head) {
  if (stored.keys().get(keys::draft_inode(head.modelstore_versions())).ok()) return true;
  const auto newest = stored.newest(domain);
  if (!newest.ok() && newest.code() != Code::NotFound) return newest.status();
  return newest.ok();
}

}  // namespace modelfs
