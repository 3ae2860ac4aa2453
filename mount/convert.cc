#include "mount/convert.h"

#include <algorithm>

#include "base/time.h"
#include "drafts/draft_records.h"

namespace modelfs {
namespace {

// How long the attributes in the answer to a look-up are valid at least. Why not 0 where they may change: the kernel
// uses them right after the look-up, and would send a GETATTR; a name that can change is looked up each time anyway.
constexpr double kJustSeenSeconds = 0.01;

mode_t to_mode(FileType type) {
  switch (type) {
    case FileType::Regular: return S_IFREG;
    case FileType::Directory: return S_IFDIR;
    case FileType::Symlink: return S_IFLNK;
  }
  return S_IFREG;  // not reached with a valid type
}

}  // namespace

struct stat to_stat(const Attributes& attributes) {
  struct stat info {};
  info.st_ino = raw(attributes.ino);
  info.st_mode = to_mode(attributes.type) | attributes.mode;
  info.st_nlink = attributes.link_count;
  info.st_uid = attributes.uid;
  info.st_gid = attributes.gid;
  info.st_size = static_cast<off_t>(attributes.size_bytes);
  info.st_blocks = static_cast<blkcnt_t>(attributes.blocks);
  info.st_blksize = 4096;
  info.st_atim = to_timespec(attributes.atime);
  info.st_mtim = to_timespec(attributes.mtime);
  info.st_ctim = to_timespec(attributes.ctime);
  return info;
}

struct stat to_stat(const ListedName& name) {
  struct stat info {};
  info.st_ino = raw(name.ino);
  info.st_mode = to_mode(name.type);
  return info;
}

fuse_entry_param to_entry_param(const Entry& entry) {
  fuse_entry_param param{};
  param.ino = raw(entry.key());
  param.generation = entry.life;
  param.attr = to_stat(entry.attributes);
  param.attr_timeout = std::max(entry.attributes.valid_seconds, kJustSeenSeconds);
  param.entry_timeout = entry.name_valid_seconds;
  return param;
}

fuse_file_info to_file_info(const Opened& opened) {
  fuse_file_info file{};
  file.fh = raw(opened.handle);
  file.keep_cache = opened.keeps_cache ? 1 : 0;
  file.direct_io = opened.direct ? 1 : 0;
  file.noflush = opened.flushes ? 0 : 1;
  return file;
}

struct statvfs to_statvfs(const SpaceFigures& space) {
  struct statvfs info {};
  info.f_bsize = space.block_bytes;
  info.f_frsize = space.block_bytes;
  info.f_blocks = space.blocks;
  info.f_bfree = space.blocks_free;
  info.f_bavail = space.blocks_available;
  info.f_files = space.files;
  info.f_ffree = space.files_free;
  info.f_favail = space.files_free;
  info.f_namemax = kFileNameBytesMax;
  return info;
}

Change to_change(const struct stat& wanted, int to_set, const fuse_file_info* file) {
  const auto asks = [to_set](int bit) { return (to_set & bit) != 0; };
  Change change;
  DraftChange& values = change.values;
  if (asks(FUSE_SET_ATTR_MODE)) values.mode = wanted.st_mode & 07777;
  if (asks(FUSE_SET_ATTR_UID)) values.uid = wanted.st_uid;
  if (asks(FUSE_SET_ATTR_GID)) values.gid = wanted.st_gid;
  if (asks(FUSE_SET_ATTR_SIZE)) values.size_bytes = static_cast<std::uint64_t>(wanted.st_size);
  // The kernel sets the plain bit beside the NOW bit, so the NOW bit is tested first.
  if (asks(FUSE_SET_ATTR_ATIME_NOW)) {
    values.atime = now();
  } else if (asks(FUSE_SET_ATTR_ATIME)) {
    values.atime = time_of(wanted.st_atim);
  }
  if (asks(FUSE_SET_ATTR_MTIME_NOW)) {
    values.mtime = now();
  } else if (asks(FUSE_SET_ATTR_MTIME)) {
    values.mtime = time_of(wanted.st_mtim);
  }
  if (file != nullptr) change.handle = Handle{file->fh};
  return change;
}

}  // namespace modelfs
