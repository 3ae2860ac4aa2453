// Bounds on a tree of files that is published, by whichever way.
#pragma once
#include <cstddef>
#include <string_view>

#include "base/status.h"

namespace modelfs {

// Longest path of a file inside what is published, in bytes, and how deep it may lie; a file at the top has depth 1.
// Archives may hold no more, so what is published can be given out as one and taken again. Source: PATH_MAX of Linux;
// the deepest package that we know of has 20.
inline constexpr std::size_t kTreePathBytesMax = 4096;
inline constexpr std::size_t kTreeDepthMax = 128;

// Ok for what may lie at `depth` by a path of `path_bytes`. Malformed: above the bounds. `name` is the last part of the
// path, for the message.
Status check_tree_place(std::string_view name, std::size_t depth, std::size_t path_bytes);

}  // namespace modelfs
