// Where a daemon's messages go when it has no terminal.
#pragma once

namespace modelfs {

inline constexpr const char* kLogName = "modelfs.log";
inline constexpr const char* kOldLogName = "modelfs.log.1";
// At the start, a longer log becomes kOldLogName, replacing it.
inline constexpr long long kLogBytesMax = 16ll << 20;

// stderr, and with it the log and what libraries print when they die, goes on in kLogName of `store_dir`; stdin and
// stdout, and stderr too if that file cannot be opened, are /dev/null.
void leave_terminal(int store_dir);

}  // namespace modelfs
