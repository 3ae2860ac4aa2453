// Times of the host as ours.
#pragma once
#include <time.h>

#include "base/types.h"

namespace modelfs {

inline TimeNs time_of(const timespec& time) { return TimeNs{std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec}; }

}  // namespace modelfs
