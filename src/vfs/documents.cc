#include "vfs/documents.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/time.h"

namespace modelfs {

Result<std::string> Documents::text(const Node& node) const {
  if (node.ino == kMetricsIno) return status_.metrics();
  if (node.kind == Node::Kind::MountFile) return status_.status();
  const auto stored = registry_.snapshot();
  if (!stored.ok()) return stored.status();
  const Snapshot once = stored->reading_once();
  return layouts_.of(node).text({once, layout_mount_}, node);
}

Result<File> Documents::open_events(const Node& node) const {
  return open_at(registry_.store_dir(), events_name(node), O_RDONLY);
}

Result<Attributes> Documents::describe(const Node& node) const {
  Attributes shown;
  shown.ino = node.ino;
  shown.type = node.type;
  shown.uid = options_.owner_uid;
  shown.gid = options_.owner_gid;
  shown.mode = 0400;
  if (is_status(node)) {
    // Its text walks all drafts, so it is made by open(). Programs read a file of size 0 to its end, as in procfs.
    shown.mtime = shown.ctime = now();
  } else {
    struct stat info {};
    if (::fstatat(registry_.store_dir(), events_name(node), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT || node.ino == kOldEventsIno) return Status::from_errno(errno, events_name(node));
    }
    shown.size_bytes = static_cast<std::uint64_t>(info.st_size);
    shown.blocks = static_cast<std::uint64_t>(info.st_blocks);
    shown.mtime = time_of(info.st_mtim);
    shown.ctime = time_of(info.st_ctim);
  }
  shown.atime = shown.mtime;
  return shown;
}

void Documents::renumber(Node& node) const {
  if (node.kind != Node::Kind::MountFile || node.ino != Ino{kEventsInoFirst}) return;
  node.ino = Ino{kEventsInoFirst + registry_.events().rotation_count() % kEventsInoCount};
}

void Documents::list_events(const Snapshot& stored, const Node& directory, std::vector<ListedNode>& names) const {
  for (const char* name : {Events::kFileName, Events::kOldFileName}) {
    auto node = layouts_.child({stored, layout_mount_}, directory, name);
    if (!node.ok() || ::faccessat(registry_.store_dir(), name, F_OK, 0) != 0) continue;
    renumber(*node);
    names.push_back({name, node->ino, FileType::Regular});
  }
}

}  // namespace modelfs
