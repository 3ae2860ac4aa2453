// Which processes keep a mount busy.
#pragma once
#include <string>
#include <vector>

#include "base/types.h"

namespace modelfs {

struct Holder {
  pid_t pid = 0;
  std::string program;
  std::string how;  // "works in churn/1.2.0", "has churn/1.2.0/a.bin open", "maps …"
};

// Processes that work in, have open or map something beneath `mount_point`, as far as this user may see; at most
// `count_max`, and at most two seconds' search. Compares names that the kernel tells and asks nothing of the mount,
// which may be dead.
std::vector<Holder> find_holders(const std::string& mount_point, std::size_t count_max);

// How the path in a link of /proc/<pid> lies beneath `mount_point`: the rest of it, or empty when it does not. Exposed
// for tests.
std::string path_beneath(const std::string& mount_point, const std::string& path);

}  // namespace modelfs
