// Taking a mount away, as root or as an ordinary user.
#pragma once
#include <string>

#include "base/status.h"

namespace modelfs {

// Detaches the file system `device` (as in MountedThing) from `mount_point`, at once, although files in it may be open: they go
// on until its daemon ends. Ok if it is not there any more, or something else covers it, which is left alone.
Status detach_mount(const std::string& mount_point, const std::string& device);

}  // namespace modelfs
