#include "base/tree_bounds.h"

#include <string>

#include "base/names.h"

namespace modelfs {

Status check_tree_place(std::string_view name, std::size_t depth, std::size_t path_bytes) {
  if (depth > kTreeDepthMax) {
    return {Code::Malformed, "'" + printable(name) + "' lies deeper than " + std::to_string(kTreeDepthMax) +
                                 " directories; use fewer levels, or an archive file"};
  }
  if (path_bytes > kTreePathBytesMax) {
    return {Code::Malformed, "the path of '" + printable(name) + "' has more than " +
                                 std::to_string(kTreePathBytesMax) + " bytes; shorten the names of its directories"};
  }
  return {};
}

}  // namespace modelfs
