// What a start goes on without, since the store can be read all the same.
#pragma once
#include "base/log.h"
#include "base/status.h"

namespace modelfs {

// Ok also where it was the disk that refused to take a change: it is full, read-only, or fails. That is told.
inline Status unless_disk_refuses(Status status) {
  const Code code = status.code();
  if (code != Code::NoSpace && code != Code::Immutable && code != Code::IoError) return status;
  log::warn("left for the next start: {}", status.message());
  return {};
}

}  // namespace modelfs
