// Small YAML texts of other systems, as JSON.
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/status.h"

namespace modelfs {

inline constexpr std::size_t kYamlBytesMax = 1 << 20;
// Mappings and sequences within each other.
inline constexpr std::size_t kYamlDepthMax = 64;
// What may nest, counted before a parser looks: brackets that are open, and in a line blanks before its text and marks
// (`-`, `?`, `:`) since the last comma or bracket. Texts count, too, so it is far above what the depth needs.
inline constexpr std::size_t kYamlMarksMax = 256;
// Once aliases are followed: an alias is one word and may stand for anything, so a few of them one above the other are
// more than any memory holds.
inline constexpr std::size_t kYamlValuesMax = 100'000;

// Mappings, sequences, null, and everything else as the text that stands there. Malformed: no YAML, a key that is no
// text, or above the bounds.
Result<nlohmann::json> parse_yaml(std::string_view text);

}  // namespace modelfs
