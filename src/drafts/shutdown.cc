#include "drafts/shutdown.h"

namespace modelfs {

void Shutdown::begin(std::chrono::steady_clock::duration patience) {
  if (begun_) return;
  over_at_ = (std::chrono::steady_clock::now() + patience).time_since_epoch().count();
  begun_ = true;
}

Status Shutdown::check_not_over() const {
  if (!begun_ || std::chrono::steady_clock::now().time_since_epoch().count() < over_at_) return {};
  return {Code::Busy,
          "the store is being closed, and this takes longer than it can wait; do it again after the next start"};
}

}  // namespace modelfs
