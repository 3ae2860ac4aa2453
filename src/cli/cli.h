// The command `modelfs`: parses its arguments and runs the subcommand.
#pragma once
#include "cli/mount_request.h"

namespace modelfs {

// Exit codes of every command but `mount`, which returns the runner's.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;        // refused or failed, with a message on stderr
inline constexpr int kExitUsage = 2;          // wrong command line
inline constexpr int kExitNotFound = 3;       // not found
inline constexpr int kExitInterrupted = 130;  // SIGINT or SIGTERM; nothing half-done is left

// The whole program: returns the exit code of the process. `mount` carries out `modelfs mount`. Called once, before any
// thread exists.
int run_cli(int argc, char** argv, const MountRunner& mount);

}  // namespace modelfs
