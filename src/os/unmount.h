// Taking a mount away, and seeing whether it is there and answers.
#pragma once
#include <string>

#include "base/status.h"
#include "os/mountinfo.h"

namespace modelfs {

// The errno of statvfs(2) on a mount, or 0: ENOTCONN when its daemon is gone. Why not stat(2): the kernel may answer
// that by itself, also for a dead daemon. May wait as long as the daemon does.
int error_of_mount(const std::string& mount_point);

// Whether a mount is dead: its daemon is gone, and everything in it answers "Transport endpoint is not connected".
// Never hangs for more than a few seconds; a mount that does not answer at all is not known to be dead.
bool is_dead_mount(const std::string& mount_point);

// Whether it is still mounted there; true too when that cannot be seen.
bool is_mounted(const Mount& mount);

// Whether its file system is mounted anywhere in this mount namespace, a bind mount for one: then its daemon goes on.
bool has_other_places(const Mount& mount);

// Unmounts it, as root or by fusermount3. `lazy`: although it is in use. Busy; NotPermitted: an ordinary user who did
// not mount it; what else the kernel or fusermount3 says.
Status detach(const Mount& mount, bool lazy);

// Makes the kernel fail all requests of a mount whose daemon was killed without its notice: afterwards it is dead, as
// any other. NotPermitted: only root, or who mounted it, may do so.
Status abort_connection(const Mount& mount);

}  // namespace modelfs
