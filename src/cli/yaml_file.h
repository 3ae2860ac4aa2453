// Small YAML files of other systems, as JSON.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/status.h"
#include "cli/import_roots.h"

namespace modelfs {

// The document in the file `path`, which lies beneath `roots`; as parse_yaml() has it. Messages name the path.
Result<nlohmann::json> read_yaml_file(const ImportRoots& roots, const std::filesystem::path& path);

}  // namespace modelfs
