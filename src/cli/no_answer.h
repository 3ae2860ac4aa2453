// Detects mounts and daemons that do not answer within seconds, and names the process and what to do.
#pragma once
#include <string>

#include "base/status.h"

namespace modelfs {

// Why what is asked of `what`, a mount or a store that is served from `store`, gets no answer: its daemon is stopped,
// was killed, or waits for something. Names its process, where that can be seen, and the next step. Busy.
Status no_answer(const std::string& what, const std::string& store);

// Ok if the kernel can resolve `path`, or fails within a few seconds; else no_answer() about the mount on the way that
// blocks it. Resolves it in a child process, because a process that waits for a stopped daemon cannot be interrupted.
Status check_answers(const std::string& path);

}  // namespace modelfs
