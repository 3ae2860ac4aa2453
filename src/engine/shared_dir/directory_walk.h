// The files below a shared directory, in the order in which an object store lists its names.
#pragma once
#include <functional>
#include <string>

#include "base/status.h"

namespace modelfs {

// Calls `visit` with the name of each file below the directory `root` that begins with `prefix` and is greater than
// `after`, in the order of the names' bytes, until it returns false. Names with '~' are passed over. Looks only into
// directories that may have such a file. What is made or removed meanwhile may or may not be visited.
Status walk_files(int root, const std::string& prefix, const std::string& after,
                  const std::function<bool(const std::string& name)>& visit);

}  // namespace modelfs
