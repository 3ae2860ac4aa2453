// Names that are made today. What stores of earlier versions hold is still read by the wider rule of names.h.
#pragma once
#include <string_view>

#include "base/status.h"

namespace modelfs {

// True with a character in it that leaves no mark where it stands, so that two names could look the same: Unicode's
// Default_Ignorable_Code_Point (15.0: zero-width spaces and joiners, soft hyphens, directions, variation selectors,
// tags, …), its line and paragraph separators, and spaces other than U+0020. `text` is UTF-8.
bool has_invisible_character(std::string_view text);

// Ok for a domain, version or label that is to be made: check_name(), without invisible characters, and without a space
// at an end. Codes as check_name; messages say the rule.
Status check_new_name(std::string_view name);

}  // namespace modelfs
