// Times of the host as ours.
#pragma once
#include <time.h>

#include <cstdint>
#include <limits>

#include "base/types.h"

namespace modelfs {

// The first and last moment that a TimeNs holds, of the years 1677 and 2262.
inline constexpr TimeNs kTimeMin{std::numeric_limits<std::int64_t>::min()};
inline constexpr TimeNs kTimeMax{std::numeric_limits<std::int64_t>::max()};

// `nanoseconds` are in [0, 1,000,000,000). The nearest moment that we hold, as a disk does for times beyond its own:
// what somebody set to the year 9999 stays far in the future.
constexpr TimeNs time_of(std::int64_t seconds, std::int64_t nanoseconds) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  std::int64_t whole = 0;
  std::int64_t sum = 0;
  // Why the seconds are counted up before the epoch: the product of the first second's beginning does not fit.
  const bool borrows = seconds < 0 && nanoseconds > 0;
  const std::int64_t rest = borrows ? nanoseconds - kNsPerSecond : nanoseconds;
  const bool fits = !__builtin_mul_overflow(borrows ? seconds + 1 : seconds, kNsPerSecond, &whole) &&
                    !__builtin_add_overflow(whole, rest, &sum);
  if (fits) return TimeNs{sum};
  return seconds < 0 ? kTimeMin : kTimeMax;
}
constexpr TimeNs time_of(const timespec& time) { return time_of(time.tv_sec, time.tv_nsec); }

}  // namespace modelfs
