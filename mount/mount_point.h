// A mount point: what is mounted on it, and taking that away.
#pragma once
#include <optional>
#include <string>

#include "base/status.h"
#include "os/mountinfo.h"

namespace modelfs {

// What is visible at `mount_point`, an absolute path without symlinks; empty: no mount begins there. Asks the kernel
// only, never the thing mounted, which may hang.
Result<std::optional<Mount>> mounted_at(const std::string& mount_point);

// Detaches the file system `device` (as in Mount) from `mount_point`, at once, although files in it may be open: they
// go on until its daemon ends. As root, or through fusermount3. Ok if it is not there any more, or something else
// covers it, which is left alone.
Status detach_mount(const std::string& mount_point, const std::string& device);

}  // namespace modelfs
