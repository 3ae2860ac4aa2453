// What is mounted where, as the kernel tells this process. Asks nothing of the mounts themselves, which may hang.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace modelfs {

// The type of our mounts, as mount(8) lists it.
inline constexpr std::string_view kMountType = "fuse.modelfs";

struct Mount {
  std::string device;  // "0:53"; also the number of its connection in /sys/fs/fuse/connections
  std::string root;    // what of the file system is mounted: "/", or a directory of it for a bind mount
  std::string mount_point;
  std::string type;
  std::string source;  // of ours: the path of the store
  bool is_ours() const { return type == kMountType; }
};

// Reads the text of /proc/self/mountinfo, in its order; lines that make no sense are left out. Source: proc(5).
std::vector<Mount> parse_mounts(std::string_view text);
Result<std::vector<Mount>> read_mounts();

// The mount that the absolute path `path` lies on, if no symlink is in it; nullptr: there is none. Of several on one
// mount point it is the last: it covers the others.
const Mount* mount_of(const std::vector<Mount>& table, std::string_view path);

}  // namespace modelfs
