// A mount point: what is mounted on it, and unmounting that.
#pragma once
#include <optional>
#include <string>

#include "base/status.h"
#include "os/mountinfo.h"

namespace modelfs {

// What is visible at `mount_point`, an absolute path without symlinks; empty: it is not a mount point. Asks the kernel
// only, never the mounted file system, which may hang.
Result<std::optional<Mount>> mounted_at(const std::string& mount_point);

// Detaches the file system `device` (as in Mount) from `mount_point`, at once, although files in it may be open: they
// stay usable until its daemon ends. As root, or through fusermount3. Ok if it is not there any more, or something else
// covers it, which is left alone.
Status detach_mount(const std::string& mount_point, const std::string& device);

}  // namespace modelfs
