// What this host and its processes are called.
#pragma once
#include <sys/types.h>

#include <string>

namespace modelfs {

// As gethostname(2) says it; empty: it does not.
std::string host_name();

// The program that a process runs, as /proc/<pid>/comm has it, printable; empty: it cannot be seen.
std::string program_of(pid_t pid);

}  // namespace modelfs
