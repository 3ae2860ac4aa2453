// What /proc tells of the processes that use a file. Sources: proc(5); the states of a dying process as Linux has them
// (PF_EXITING, exit_code in do_exit).
#pragma once
#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/types.h"

namespace modelfs {

// The process that a thread belongs to; 0 if it is unknown (another pid namespace, or gone).
pid_t process_of(pid_t thread);

// False: no such process is left, or `process` is 0.
bool is_alive(pid_t process);

// True if the thread dies of a signal, or with an exit code other than 0: what it closes then was not finished.
bool is_dying_badly(pid_t thread);

// The same, and true for a thread that is to die and cannot yet: it waits in the kernel, for an answer of ours perhaps.
// Why no other signal counts: a program goes on after those, and a close that was cut short by one would be an error.
bool is_killed(pid_t thread);
// Whether `status`, the text of /proc/PID/status, shows a SIGKILL that waits.
bool shows_pending_kill(std::string_view status);

// True if any process has a descriptor that may write the file `ino` of the mount at `mount_point`, opened under
// `name`. A descriptor that is being closed does not count: it is out of its table before FLUSH is sent. Works in
// proportion to all open descriptors of the machine. Not seen: descriptors on their way through a socket, and mappings.
bool has_writer(Ino ino, std::string_view name, const std::string& mount_point);

}  // namespace modelfs
