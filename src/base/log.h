// The daemon's and the command's log: spdlog behind one name, to stderr.
#pragma once
#include <spdlog/spdlog.h>

namespace modelfs {

namespace log = spdlog;

}  // namespace modelfs
