// Small YAML files of other systems, as JSON.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "base/status.h"

namespace modelfs {

// The document in the file `path`: mappings, sequences, null, and everything else as the text that stands there. Of at
// most 1 MiB, and of at most 100,000 values once its aliases are followed. Malformed: no YAML, or a key that is no
// text. Messages name the path.
Result<nlohmann::json> read_yaml_file(const std::string& path);

}  // namespace modelfs
