// Small YAML texts of other systems, as JSON.
#pragma once
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/status.h"

namespace modelfs {

// Mappings, sequences, null, and everything else as the text that stands there; at most 100,000 values once its aliases
// are followed. Malformed: no YAML, or a key that is no text.
Result<nlohmann::json> parse_yaml(std::string_view text);

}  // namespace modelfs
