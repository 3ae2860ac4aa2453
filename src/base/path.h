// Paths as people and programs write them.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace modelfs {

// The components of a path, without empty ones.
std::vector<std::string> split_path(std::string_view path);

}  // namespace modelfs
