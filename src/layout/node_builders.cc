#include "layout/node_builders.h"

#include <algorithm>

#include "archive/archive_format.h"

namespace modelfs {

using Kind = Node::Kind;

Result<Node> archive_node(const std::string& domain, Ino container, bool is_release, std::string_view suffix,
                          std::string_view given_suffix, TimeNs time) {
  const auto format = format_of_suffix(suffix);
  const bool given = !given_suffix.empty() && suffix == given_suffix;
  if (!format || (!given && !is_made_suffix(suffix))) return nothing_called(suffix);
  const std::uint64_t which = given ? kGivenArchive : static_cast<std::uint64_t>(*format);
  Node node = node_at(Kind::Archive, in_block(container, which), domain, FileType::Regular);
  node.container = container;
  node.is_release = is_release;
  node.given = given;
  node.format = *format;
  node.time = time;
  return node;
}

namespace {

// The times of what is committed: a release's and generation's own directory tell of it, what is inside keeps its
// mtime.
Status show_times(const Snapshot& stored, const DomainName& domain, const Container& container, const Node& node,
                  Attributes& shown) {
  const bool is_top = node.index == 0;
  if (is_top) shown.valid_seconds = kToldSeconds;
  if (!node.is_release) {
    const auto generation = stored.generation(domain, container.release, container.generation);
    if (!generation.ok()) return generation.status();
    shown.ctime = generation->published;
    if (is_top) shown.mtime = generation->published;
    return {};
  }
  const auto release = stored.release_of(container);
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

Status describe_entry(const LayoutContext& context, const DomainName& domain, const Node& node, Attributes& shown) {
  const auto container = context.mount.containers(node.container);
  if (!container.ok()) return container.status();
  const ManifestEntry& entry = (*container)->manifest->at(node.index);
  // Why not counted: generations lie in a release, and drafts of them.
  shown.link_count = node.is_release_directory() ? 1 : entry.link_count;
  shown.mtime = entry.mtime;
  shown.valid_seconds = kForeverSeconds;
  if (entry.type == FileType::Regular) {
    // Why not its own read bits: programs make files that only their user may read (mkstemp), which would never end.
    shown.mode = (shown.mode & 0444) | (entry.mode & 0111);
    shown.size_bytes = entry.size_bytes;
    shown.blocks = (entry.allocated_bytes + 511) / 512;
  } else if (entry.type == FileType::Symlink) {
    shown.mode = 0777;
    shown.size_bytes = entry.size_bytes;
  }
  return show_times(context.stored, domain, **container, node, shown);
}

}  // namespace

Result<Attributes> describe_committed(const LayoutContext& context, const Node& node, std::uint64_t content_bytes) {
  const auto domain = DomainName::parse(node.domain);
  if (!domain.ok()) return domain.status();
  const auto head = context.stored.domain(*domain);
  if (!head.ok()) return head.status();
  Attributes shown;
  shown.ino = node.ino;
  shown.type = node.type;
  shown.uid = head->owner.uid;
  shown.gid = head->owner.gid;
  shown.mode = head->owner.mode & 07777;
  shown.mtime = head->changed;
  shown.ctime = head->status_changed;
  if (node.kind == Kind::Domain || node.kind == Kind::Stage) shown.valid_seconds = kToldSeconds;
  if (node.kind == Kind::Link) {
    // Why: in a sticky domain the kernel lets only its owner move or remove it, as `ln -sfn` does by way of a temporary
    // one.
    if (node.is_label) shown.uid = node.set_by;
    shown.mode = 0777;
    shown.size_bytes = node.target.size();
    shown.mtime = shown.ctime = node.time;
  } else if (node.kind == Kind::Text || node.kind == Kind::Archive) {
    // Why writable: a client that writes copies of what is there need not be root's.
    shown.mode = head->owner.mode & (node.rewrite != Node::Rewrite::No ? 0666 : 0444);
    shown.size_bytes = content_bytes;
    // Why also where nothing is stored: few blocks for many bytes would tell programs of holes that are not there.
    shown.blocks = (content_bytes + 511) / 512;
    if (node.kind == Kind::Archive) shown.valid_seconds = kForeverSeconds;
    shown.mtime = shown.ctime = node.time;
    // As files in a release keep theirs, so that programs that mirror archives find nothing to do the next time.
    const auto archive =
        node.kind == Kind::Archive && node.given ? context.stored.archive(node.container) : Status(Code::NotFound, "");
    if (archive.ok() && archive->mtime != TimeNs{}) shown.mtime = archive->mtime;
  } else if (node.kind == Kind::Entry) {
    if (Status status = describe_entry(context, *domain, node, shown); !status.ok()) return status;
  }
  shown.atime = shown.mtime;
  return shown;
}

Attributes describe_mount_directory(const LayoutContext& context, const Node& node, const Ownership& owner) {
  Attributes shown;
  shown.ino = node.ino;
  shown.type = node.type;
  shown.uid = owner.uid;
  shown.gid = owner.gid;
  shown.mode = owner.mode;
  shown.atime = shown.mtime = shown.ctime = context.mount.mounted;
  return shown;
}

}  // namespace modelfs
