// libfuse's messages, in our log.
#pragma once
#include <string>

namespace modelfs {

// From now on libfuse's messages go to our log. For the whole process, since libfuse has one log.
void route_fuse_log();
// The last thing that libfuse complained about, or empty. It is the only place where it says why a mount failed.
std::string last_fuse_complaint();

}  // namespace modelfs
