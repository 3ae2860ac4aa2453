// One put: a directory or an archive of the user's becomes a release or generation.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/source_tree.h"
#include "control/channel.h"

namespace modelfs {

struct PutSource {
  std::string path;
  std::string suffix;                   // of the archive that it is; empty: a directory
  std::optional<std::string> metadata;  // the document of what is published
  // Set: it is read there, and nowhere else. `path` is for messages then.
  std::optional<BeneathRoot> beneath = std::nullopt;
};

// Publishes `source` as `target` ("churn/1.2.0"), with a line of progress on a terminal. What PROTOCOL.md calls
// `published`. Messages name the source or the target. Interrupted: by a signal, where they are caught.
Result<nlohmann::json> send_put(Channel& channel, const PutSource& source, const std::string& target);

// TooLarge: above what any metadata may have. Messages name the path.
Result<std::string> read_metadata_file(const std::string& path);

}  // namespace modelfs
