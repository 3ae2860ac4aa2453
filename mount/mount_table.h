// What is mounted where, as the kernel tells this process.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace modelfs {

// The file system type of our mounts, as mount(8) lists it.
inline constexpr std::string_view kMountType = "fuse.modelfs";

struct MountedThing {
  std::string mount_point;
  std::string type;
  std::string source;
  std::string device;  // "0:53": one mounted file system, on all its mount points
};

// Reads the text of /proc/self/mountinfo, in its order: of two things on one mount point the later covers the earlier.
// Lines that make no sense are left out.  Source: proc(5).
std::vector<MountedThing> parse_mount_table(std::string_view text);

// What is visible at `mount_point`, an absolute path without symlinks; empty: no mount begins there. Asks the kernel only,
// never the thing mounted, which may hang.
Result<std::optional<MountedThing>> mounted_at(const std::string& mount_point);

}  // namespace modelfs
