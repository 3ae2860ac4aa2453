#include "base/types.h"

#include <ctime>

namespace modelfs {

TimeNs now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return TimeNs{static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec};
}

}  // namespace modelfs
