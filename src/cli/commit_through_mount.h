// Commits a draft through the mount itself, for users who may not connect to the daemon.
#pragma once
#include <string>

#include "base/status.h"

namespace modelfs {

struct CommittedThere {
  std::string name;      // what the directory is called now: a version, or the number of a generation
  std::string digest;    // "sha256:…", or empty where the mount does not tell
  bool already = false;  // it was published before
};

// Commits the draft directory at `draft`: by renaming it to `target`, or, if that is empty, by its attribute. The
// Status of a refusal carries the mount's own reason.
Result<CommittedThere> commit_through_mount(const std::string& draft, const std::string& target);

}  // namespace modelfs
