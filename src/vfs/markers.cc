// Markers: files and directories that clients write last, in a draft, to say that it is complete.
#include "formats/forml_package.h"
#include "layout/native/native_layout.h"
#include "os/proc.h"
#include "vfs/state.h"

namespace modelfs {

using Kind = Node::Kind;

CreateRule FileSystem::State::create_rule_of(const Snapshot& stored, const Node& parent, std::string_view name,
                                             FileType type) const {
  return layouts.of(parent).create_rule(context(stored), parent, name, type);
}

Status FileSystem::State::check_stage_move(const Node& from, const Node& to) const {
  if (from.kind != Kind::Draft || !to.is_generation_directory()) return {};
  const auto named = registry.const_drafts().name_of(from.ino);
  if (!named.ok() || named->name != kStageName) return {};
  const auto above = nodes.find(named->directory);
  if (!above || !above->place.is_release_directory()) return {};
  return {Code::AlreadyExists, "that generation is published; use the next number"};
}

bool FileSystem::may_block_setattr(Ino ino, const Change& change) {
  if (!change.values.mode) return change.values.size_bytes.has_value();
  const MutexLock lock(state_->copies_mutex);
  return state_->copies.contains(raw(ino));
}

bool FileSystem::State::ends_a_package_copy(const Credentials& who, const Node& place, const DraftChange& change) {
  if (place.type != FileType::Directory || (!change.mode && !change.mtime)) return false;
  const pid_t process = process_of(who.pid);
  const MutexLock lock(copies_mutex);
  if (change.mtime) {
    if (copies.size() >= kCopiesMax) copies.clear();
    copies[raw(place.ino)] = process;
    return false;
  }
  const auto found = copies.find(raw(place.ino));
  const bool same = found != copies.end() && found->second == process && process != 0;
  if (found != copies.end()) copies.erase(found);
  return same;
}

Status FileSystem::State::publish_package_directory(const Credentials& who, Ino directory) {
  DraftStore& drafts = registry.drafts();
  const auto inode = drafts.stat(directory);
  if (!inode.ok()) return {};
  const Ino place = inode->record.parent;
  const auto named = drafts.lookup(place, kFormlPackageName);
  if (!named.ok() || named->ino != directory) return {};
  const auto beneath = drafts.name_of(place);
  const auto above = beneath.ok() ? nodes.find(beneath->directory) : std::nullopt;
  if (!above || above->place.kind != Kind::Domain) return {};
  auto domain = DomainName::parse(above->place.domain);
  auto version = VersionName::parse(beneath->name);
  if (!domain.ok() || !version.ok()) return {};
  const auto manifest = drafts.lookup(directory, kPackageManifestName);
  if (!manifest.ok()) return {};
  const auto file = drafts.open_file(manifest->ino, false, who.pid);
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
                         [this](const Published& done) { rebind_nodes(done); }};
  request.beneath = place;
  request.orders_versions = true;
  const auto published = registry.publish(request);
  return published.ok() ? Status() : refuse(who, directory, "publish " + request.target.str(), published.status());
}

}  // namespace modelfs
