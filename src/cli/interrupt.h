// SIGINT and SIGTERM as something to ask for, so that what is half done can be taken back before the process ends.
#pragma once
#include "base/status.h"

namespace modelfs {

// From now on these signals are noted instead of ending the process; a second one ends it.
void catch_interrupts();
// Interrupted once one of them came.
Status check_interrupt();

}  // namespace modelfs
