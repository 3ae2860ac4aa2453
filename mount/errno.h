// The one place where a Status becomes an errno.
#pragma once
#include "base/status.h"

namespace modelfs {

// The errno that a client of the mount sees: the host's own where a system call failed, else what the Code means.
// 0 for Ok. Never ENOSYS: for rename, open, flush, fsync, lseek and the xattr calls the kernel takes it as "not
// implemented here" and stops asking until the next mount.  Source: libfuse, fuse_lowlevel.h, notes on each operation.
int to_errno(const Status& status);

// True when the failure is ours or the disk's and not the caller's: it must be logged for the operator.
bool is_our_failure(Code code);

}  // namespace modelfs
