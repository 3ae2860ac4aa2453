// A place for a store that is to end with its mount: `modelfs mount --volatile`.
#pragma once
#include <string>

#include "base/file.h"
#include "base/status.h"

namespace modelfs {

// A private directory in memory, 0700: a tmpfs of its own that is mounted nowhere, or, where that is not permitted, a
// directory in /dev/shm or $XDG_RUNTIME_DIR. It is removed when this is destroyed; the tmpfs ends with the process in
// any case.
class VolatileStore {
 public:
  // Create it in the process that serves the store.
  // Unsupported: there is no memory file system where a directory could be made.
  static Result<VolatileStore> create();
  VolatileStore(VolatileStore&&) = default;
  VolatileStore& operator=(VolatileStore&&) = delete;
  ~VolatileStore();

  // For this process.
  const std::string& path() const { return path_; }
  // For others of the same user, as long as this process lives.
  const std::string& public_path() const { return public_path_; }

 private:
  VolatileStore() = default;

  File tmpfs_;             // none: it is a directory
  std::string directory_;  // to be removed; empty: it is a tmpfs
  std::string path_;
  std::string public_path_;
};

}  // namespace modelfs
