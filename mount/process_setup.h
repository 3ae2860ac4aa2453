// What a daemon must not inherit from the process that started it: signals and resource limits of a shell or a unit.
#pragma once
#include "base/status.h"

namespace modelfs {

// Of the daemon and every command, before anything else. SIGXFSZ is ignored, so that the write itself fails (EFBIG);
// SIGCHLD is as it is by default, since a parent that ignores it would keep us from waiting for our own children.
void setup_signals();

// Of the daemon. Before the first thread, and before anything is logged but after logging works.
// Signals: those of setup_signals(); SIGPIPE is ignored too (EPIPE), and none is blocked.
// Limits: each soft one that could end or starve the daemon is raised to its hard one (files, file size, address
// space, data, processor time, threads), and a hard one that it can meet is told as a warning. Threads get stacks of
// one size, whatever `ulimit -s` says.
// NoSpace: with so few files open at once no daemon can work.
Status setup_process();

}  // namespace modelfs
