#include "drafts/draft_inodes.h"

#include <algorithm>
#include <cerrno>

#include "base/time.h"

namespace modelfs {

Result<DraftInode> DraftInodes::stat(Ino ino) const {
  auto found = records_.inode(ino);
  if (!found.ok()) return found.status();
  return present(ino, std::move(*found));
}

Result<DraftInode> DraftInodes::present(Ino ino, DraftRecord record) const {
  DraftInode inode{ino, std::move(record), 0, 0, {}, {}, {}};
  inode.atime = inode.record.atime;
  inode.mtime = inode.record.mtime;
  inode.ctime = inode.record.ctime;
  if (inode.record.type == FileType::Symlink) inode.size_bytes = inode.record.target.size();
  if (inode.record.type != FileType::Regular) return inode;
  if (inode.record.blob) {
    inode.size_bytes = inode.record.blob->size_bytes;
    inode.blocks = inode.record.blob->allocated_bytes / 512;
    return inode;
  }
  const auto info = hosts_.stat(ino);
  if (!info.ok()) {
    const int error = info.status().host_errno();
    // Removed since its record was read: the record goes first.
    if (error == ENOENT && records_.inode(ino).code() == Code::NotFound)
      return Status(Code::NotFound, "the draft is gone");
    return Status::from_errno(error == ENOENT ? EIO : error, "stat the bytes of draft file " + HostFiles::name_of(ino));
  }
  inode.size_bytes = static_cast<std::uint64_t>(info->st_size);
  inode.blocks = static_cast<std::uint64_t>(info->st_blocks);
  inode.atime = time_of(info->st_atim);
  inode.mtime = time_of(info->st_mtim);
  inode.ctime = std::max(inode.ctime, time_of(info->st_ctim));
  return inode;
}

}  // namespace modelfs
