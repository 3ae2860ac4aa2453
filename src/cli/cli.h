// The command `modelfs`: reads its arguments, does what they ask, and says so.
#pragma once
#include "cli/mount_request.h"

namespace modelfs {

// Exit codes of every command but `mount`, which gives back the runner's.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;        // it was refused, or went wrong; a message is on stderr
inline constexpr int kExitUsage = 2;          // the command line makes no sense
inline constexpr int kExitNotFound = 3;       // what was named does not exist
inline constexpr int kExitInterrupted = 130;  // SIGINT or SIGTERM; nothing half-done is left

// The whole program: returns the exit code of the process. `mount` carries out `modelfs mount`. Called once, before any
// thread exists.
int run_cli(int argc, char** argv, const MountRunner& mount);

}  // namespace modelfs
