#include "ingest/forml_package_upload.h"

#include <span>
#include <string>
#include <utility>

#include "formats/forml_package.h"
#include "os/proc.h"

namespace modelfs {

bool FormlPackageUploads::ends_copy(const Credentials& who, const Node& node, const DraftChange& change) {
  if (node.type != FileType::Directory || (!change.mode && !change.mtime)) return false;
  if (change.mtime) {
    copies_.put(node.ino, process_of(who.pid));
    return false;
  }
  const auto copier = copies_.take(node.ino);
  return copier && *copier != 0 && *copier == process_of(who.pid);
}

Status FormlPackageUploads::publish_copy(const Credentials& who, Ino directory) {
  DraftStore& drafts = registry_.drafts();
  const auto inode = drafts.tree().stat(directory);
  if (!inode.ok()) return {};
  const Ino place = inode->record.parent;
  const auto named = drafts.tree().lookup(place, kFormlPackageName);
  if (!named.ok() || named->ino != directory) return {};
  const auto beneath = drafts.tree().name_of(place);
  const auto above = beneath.ok() ? mount_.find_node(beneath->directory) : std::nullopt;
  if (!above || above->kind != Node::Kind::Domain) return {};
  auto domain = DomainName::parse(above->domain);
  auto version = VersionName::parse(beneath->name);
  if (!domain.ok() || !version.ok()) return {};
  const auto manifest = drafts.tree().lookup(directory, kPackageManifestName);
  if (!manifest.ok()) return {};
  const auto file = drafts.files().open(manifest->ino, false, who.pid);
  if (!file.ok()) return {};
  // One byte more than may be, so that what is too long is not taken for its beginning.
  std::string text(kPackageManifestBytesMax + 1, '\0');
  const auto got = (*file)->file().read(0, std::as_writable_bytes(std::span(text)));
  if (!got.ok() || !parse_package_manifest(std::string_view(text).substr(0, *got))) return {};

  PublishRequest request{directory,
                         place,
                         std::string(kFormlPackageName),
                         {std::move(*domain), std::move(*version), false, std::nullopt},
                         who,
                         HashBudget::Full,
                         [this](const Published& done) { mount_.rebind_nodes(done); }};
  request.beneath = place;
  request.orders_versions = true;
  const auto published = registry_.publish(request);
  return published.ok() ? Status()
                        : mount_.refuse(who, directory, "publish " + request.target.str(), published.status());
}

}  // namespace modelfs
