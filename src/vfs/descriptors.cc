#include "vfs/descriptors.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string>

namespace modelfs {
namespace {

std::size_t for_clients() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<std::size_t>::max();
  }
  const auto limit = static_cast<std::size_t>(files.rlim_cur);
  return limit - std::min(limit / 2, Descriptors::kReserved);
}

}  // namespace

Descriptors::Descriptors() : max_(for_clients()) {}

Status Descriptors::none_left() const {
  return Status::from_errno(ENFILE, std::to_string(max_) +
                                        " files are open in the daemon, all that its limit of open "
                                        "files leaves room for; raise it (`ulimit -n`, LimitNOFILE=)");
}

Result<std::unique_ptr<const Descriptors::Use>> Descriptors::take() {
  if (taken_.fetch_add(1) < max_) return std::make_unique<const Use>(taken_);
  --taken_;
  return none_left();
}

Status Descriptors::check() const { return taken_ < max_ ? Status() : none_left(); }

}  // namespace modelfs
