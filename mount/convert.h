// Converts between the file system's types and libfuse's.
#pragma once
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "vfs/file_system.h"

namespace modelfs {

struct stat to_stat(const Attributes& attributes);
// Only the number and the type, which is all that a directory entry holds.
struct stat to_stat(const ListedName& name);
fuse_entry_param to_entry_param(const Entry& entry);
fuse_file_info to_file_info(const Opened& opened);
struct statvfs to_statvfs(const SpaceFigures& space);

// What a SETATTR requests. `to_set`: FUSE_SET_ATTR_* of the members of `wanted` that count; unknown bits are ignored.
// `file`: the open file that it was made through, or null.
Change to_change(const struct stat& wanted, int to_set, const fuse_file_info* file);

}  // namespace modelfs
