// Writes a release as an archive file.
#pragma once
#include <functional>
#include <string>

#include "base/status.h"
#include "cli/connection.h"

namespace modelfs {

// Writes what `path` names in the registry to the file `destination`, which does not exist yet; its suffix says the
// format. ReplaceOnClose or not at all. Returns its size. AlreadyExists. `on_progress` gets (done, total) bytes.
Result<std::uint64_t> fetch_archive(
    Channel& channel, const std::string& path, const std::string& destination,
    const std::function<Status(std::uint64_t done_bytes, std::uint64_t total_bytes)>& on_progress);

}  // namespace modelfs
