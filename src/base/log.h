// The daemon's and the command's log: spdlog behind one name, to stderr.
#pragma once
#include <spdlog/spdlog.h>

namespace modelfs {

namespace log = spdlog;

// Sends messages of `level` and above to stderr, whatever it leads to at the time; spdlog's own default is stdout. Call
// it before the first thread. A message that cannot be written (full disk) is lost, and nothing else.
void log_to_stderr(log::level::level_enum level);

}  // namespace modelfs
