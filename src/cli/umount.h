// Unmounts, and waits for the daemon to end.
#pragma once
#include <string>

#include "base/status.h"
#include "os/mountinfo.h"

namespace modelfs {

// Unmounts a dead mount, so that another can take its place. Busy: a process holds it, and is named.
Status remove_dead_mount(const Mount& mount);

// Whether `store` has no daemon that can serve it: its daemon ended, or was killed and cannot end. False too when that
// cannot be seen within a few seconds.
bool is_abandoned(const std::string& store);

// Waits until no process holds the lock of `store`; at most `patience_seconds`. True: none does, or it cannot be seen.
bool wait_for_release(const std::string& store, int patience_seconds);

}  // namespace modelfs
