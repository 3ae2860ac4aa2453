// Mounts in other mount namespaces: those of containers and of services with a view of their own.
#pragma once
#include <string>
#include <vector>

#include "base/types.h"
#include "os/mountinfo.h"

namespace modelfs {

struct ForeignMount {
  pid_t pid = 0;  // one of the processes of that namespace
  std::string program;
  std::string name_space;   // as the kernel calls it: "mnt:[4026532211]"
  std::string mount_point;  // there
};

// Where the file system of `mount` is mounted in other namespaces and stays when it is unmounted here: without places
// that the kernel unmounts with it (mount propagation). One for each namespace, as far as this user may see; at most
// `count_max`, and at most two seconds' search.
std::vector<ForeignMount> find_foreign_mounts(const Mount& mount, std::size_t count_max);

// Whether a process has the mount namespace of this one; true too when that cannot be seen.
bool is_in_our_namespace(pid_t pid);

}  // namespace modelfs
