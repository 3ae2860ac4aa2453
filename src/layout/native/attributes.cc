// What stat(2) shows of what is committed.
#include <algorithm>

#include "layout/modelstore/modelstore_layout.h"
#include "layout/native/native_layout.h"

namespace modelfs {

using Kind = Node::Kind;

namespace {

// The times of what is committed: a release's and generation's own directory tell of it, what is inside keeps its
// mtime.
Status show_times(const Snapshot& stored, const DomainName& domain, const Container& container, const Node& place,
                  Attributes& shown) {
  const bool is_top = place.index == 0;
  if (is_top) shown.valid_seconds = kToldSeconds;
  if (!place.is_release) {
    const auto generation = stored.generation(domain, container.release, container.generation);
    if (!generation.ok()) return generation.status();
    shown.ctime = generation->published;
    if (is_top) shown.mtime = generation->published;
    return {};
  }
  const auto release = stored.release_of(domain, container);
  if (!release.ok()) return release.status();
  shown.ctime = is_top ? release->changed : release->published;
  if (!is_top) return {};
  shown.mtime = release->published;
  if (release->takes_generations && release->last_generation != kNoGeneration) {
    const auto last = stored.generation(domain, release->sequence, release->last_generation);
    if (last.ok()) shown.mtime = std::max(shown.mtime, last->published);
  }
  return {};
}

}  // namespace

Result<Attributes> NativeLayout::describe(const Snapshot& stored, const ContainerSource& containers, const Node& place,
                                        std::uint64_t content_bytes) {
  const auto domain = DomainName::parse(place.domain);
  if (!domain.ok()) return domain.status();
  const auto head = stored.domain(*domain);
  if (!head.ok()) return head.status();
  Attributes shown;
  shown.ino = place.ino;
  shown.type = place.type;
  shown.uid = head->owner.uid;
  shown.gid = head->owner.gid;
  shown.mode = head->owner.mode & 07777;
  shown.link_count = place.kind == Kind::Versions ? 2 : 1;
  shown.mtime = head->changed;
  shown.ctime = head->status_changed;
  if (place.kind == Kind::Domain || place.kind == Kind::Stage) shown.valid_seconds = kToldSeconds;
  if (place.kind == Kind::Link) {
    // Why: in a sticky domain the kernel lets only its owner move or remove it, as `ln -sfn` does by way of a temporary
    // one.
    if (place.is_label) shown.uid = place.set_by;
    shown.mode = 0777;
    shown.size_bytes = place.target.size();
    shown.mtime = shown.ctime = place.time;
  } else if (place.kind == Kind::Document || place.kind == Kind::Archive || place.kind == Kind::Tag) {
    // Why writable: modelstore's client writes copies of what is there, and its programs need not be root's.
    const bool may_be_rewritten =
        place.in_modelstore || ModelstoreLayout::is_legacy_latest_json(stored, containers, *domain, place);
    shown.mode = head->owner.mode & (may_be_rewritten ? 0666 : 0444);
    shown.size_bytes = content_bytes;
    // Why also where nothing is stored: few blocks for many bytes would tell programs of holes that are not there.
    shown.blocks = (content_bytes + 511) / 512;
    if (place.kind != Kind::Document) shown.valid_seconds = kForeverSeconds;
    shown.mtime = shown.ctime = place.time;
  } else if (place.kind == Kind::Entry) {
    const auto container = containers(place.container);
    if (!container.ok()) return container.status();
    const ManifestEntry& entry = (*container)->manifest->at(place.index);
    // Why not counted: generations lie in a release, and drafts of them.
    shown.link_count = place.is_release_directory() ? 1 : entry.link_count;
    shown.mtime = entry.mtime;
    shown.valid_seconds = kForeverSeconds;
    if (entry.type == FileType::Regular) {
      shown.mode = entry.mode & 0555;
      shown.size_bytes = entry.size_bytes;
      shown.blocks = (entry.allocated_bytes + 511) / 512;
    } else if (entry.type == FileType::Symlink) {
      shown.mode = 0777;
      shown.size_bytes = entry.size_bytes;
    }
    if (Status status = show_times(stored, *domain, **container, place, shown); !status.ok()) return status;
  }
  shown.atime = shown.mtime;
  return shown;
}

}  // namespace modelfs
