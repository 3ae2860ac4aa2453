// Mounts and daemons that do not answer: found out within seconds, and said with who it is and what to do.
#pragma once
#include <string>

#include "base/status.h"

namespace modelfs {

// Why what is asked of `what`, a mount or a store that is served from `store`, gets no answer: its daemon is stopped,
// was killed, or waits for something. Names its process, where that can be seen, and the next step. Busy.
Status no_answer(const std::string& what, const std::string& store);

// Ok if the kernel can follow `path` to its end, or says within a few seconds why not; else no_answer() about the mount
// on the way that keeps it. Looks in a process of its own, because whoever waits for a stopped daemon may not be
// interrupted.
Status check_answers(const std::string& path);

}  // namespace modelfs
