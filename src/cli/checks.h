// The checks of `modelfs doctor`: one finding for each thing that could be wrong.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modelfs {

enum class Health { Ok, Warn, Fail };

struct Finding {
  Health health = Health::Ok;
  std::string about;  // "kernel"
  std::string message;
  std::string next_step;  // empty: nothing to do
};

// The machine: /dev/fuse, fusermount3, /etc/fuse.conf, the kernel.
std::vector<Finding> check_machine();
// Mounts of ours whose daemon is gone, with the command that detaches them.
std::vector<Finding> check_mounts();
// A store: FORMAT, owner and mode, which process holds it, whether its daemon answers, free space, how its mount reads.
// Changes nothing in it.
std::vector<Finding> check_store(const std::string& store);

// "6.1.0-28-amd64" as {6, 1}; {0, 0} if it cannot be parsed.
std::pair<int, int> parse_kernel_release(std::string_view release);
// Of a kernel: below 6.1 we do not run, below 6.9 reads pass through the daemon.
Finding judge_kernel(std::string_view release);

}  // namespace modelfs
