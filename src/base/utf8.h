// UTF-8, byte by byte.
#pragma once
#include <cstddef>
#include <string_view>

namespace modelfs {

// Bytes of the UTF-8 sequence that starts `text`, which is not empty; 0 when there is no valid one (overlong forms and
// surrogates are none).
std::size_t utf8_sequence_bytes(std::string_view text);

}  // namespace modelfs
