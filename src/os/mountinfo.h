// The mount table of this process. Does not access the mounts themselves, which may hang.
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
  std::string source;         // of ours: the path of the store
  std::string id;             // in its mount namespace
  std::string parent;         // the id of the mount that it lies on
  std::string options;        // of the file system: "rw,vers=4.2,lookupcache=pos"
  bool is_read_only = false;  // this mount of it, or the file system itself
  // Peer groups, which propagate mounts and unmounts to each other: "shared:1", "master:2" (proc(5)).
  std::vector<std::string> propagation;
  bool is_ours() const { return type == kMountType; }
};

// Reads the text of /proc/self/mountinfo, in its order; lines that make no sense are left out. Source: proc(5).
std::vector<Mount> parse_mounts(std::string_view text);
Result<std::vector<Mount>> read_mounts();
// Those of the mount namespace of a process: "self", or its number.
Result<std::vector<Mount>> read_mounts_of(const std::string& process);

// The mount that the absolute path `path` lies on, if no symlink is in it; nullptr: none. Of several on one mount point
// it is the last, which covers the others.
const Mount* mount_of(const std::vector<Mount>& table, std::string_view path);

}  // namespace modelfs
