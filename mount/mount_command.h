// `modelfs mount`: from the request of the command line to the end of the daemon.
#pragma once
#include "cli/mount_request.h"

namespace modelfs {

// A MountRunner. 0: it serves (background), or has served (foreground); 1: it could not, and stderr says why and what
// to do. Call it before any thread exists. In the background case it returns twice: in the process that was called as
// soon as the mount answers, and in the daemon at its end.
int run_mount(const MountRequest& request);

}  // namespace modelfs
