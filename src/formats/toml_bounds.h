// Looks at a TOML text before its parser does.
#pragma once
#include <cstddef>
#include <string_view>

#include "base/status.h"

namespace modelfs {

// Parts of one key: `a.b.c` and `[a.b.c]` have three. Each is a table within the one before.
inline constexpr std::size_t kTomlKeyPartsMax = 16;
// Arrays and inline tables within each other; a flat array has depth 1, the header of an array of tables 2.
inline constexpr std::size_t kTomlNestingMax = 16;

// Malformed: deeper than that, or a character that is not ASCII outside of strings and comments; the message names the
// line. Anything else that is no TOML is the parser's to refuse. Why: toml++ 3.3 builds and destroys by recursion, a
// table for each dot of a key, so 200,000 dots overflow a stack; and it looks letters of bare keys up in tables, beyond
// their ends for some that are none.
Status check_toml_bounds(std::string_view text);

}  // namespace modelfs
