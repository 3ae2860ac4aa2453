// SIGINT and SIGTERM as a flag to poll, so that half-done work can be undone before the process ends.
#pragma once
#include "base/status.h"

namespace modelfs {

// From now on these signals are noted instead of ending the process; a second one ends it.
void catch_interrupts();
// Interrupted once one of them has arrived.
Status check_interrupt();

}  // namespace modelfs
