// What libfuse calls: one function an operation of the kernel, each a translation and nothing else.
#pragma once
#include "mount/fuse_limits.h"

namespace modelfs {

// The table for fuse_session_new(), whose userdata is a MountContext.
//
// Left out on purpose, so that the kernel does it itself, or says no: flock and getlk/setlk (the kernel's own locks are
// right, since all access to a store goes through one mount), ioctl, poll, bmap, access (default_permissions).
fuse_lowlevel_ops operations();

// The rows of the table, by file.
void add_name_operations(fuse_lowlevel_ops& table);
void add_attribute_operations(fuse_lowlevel_ops& table);
void add_file_operations(fuse_lowlevel_ops& table);
void add_directory_operations(fuse_lowlevel_ops& table);

}  // namespace modelfs
