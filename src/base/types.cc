#include "base/types.h"

#include "base/time.h"

namespace modelfs {

TimeNs now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return time_of(time);
}

}  // namespace modelfs
