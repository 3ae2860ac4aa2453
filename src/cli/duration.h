// Spans of time as people write them.
#pragma once
#include <cstdint>
#include <string>

#include "base/status.h"

namespace modelfs {

// The seconds of "90s", "30m", "12h", "30d" or "8w". InvalidArgument: says how to write one.
Result<std::uint64_t> seconds_of(const std::string& text);

}  // namespace modelfs
