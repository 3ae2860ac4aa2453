// The contract of store/remote.h in a directory that hosts share: NFS, Lustre, CephFS, or one that processes of a
// machine share.
#pragma once
#include <memory>
#include <string>

#include "store/remote.h"

namespace modelfs {

// An object is a file of its name. It is written under another name in `~tmp`, synced, and then linked to its own,
// which only one can do. Who may read and write is for the directory's owner to say: what is made in it has its mode.
// NotFound, NotADirectory: `path` is none; the message has the way out. Unsupported: it lies on NFS, and names that
// were absent are remembered there.
// Starts threads, so it is called after the last fork. Calls of the file system that hang, as those of a hard mount of
// NFS whose server is away, are left to themselves at the deadline; this opening itself waits for them.
Result<std::unique_ptr<Remote>> open_shared_dir_remote(const std::string& path);

}  // namespace modelfs
