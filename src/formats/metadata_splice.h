// Says anew where a model is stored, in a document that somebody else wrote: all other bytes stay as they are.
#pragma once
#include <string>
#include <string_view>

#include "base/status.h"

namespace modelfs {

// `document` with other texts for the strings storage.root and storage.path, those of them that are there. They are
// written as Python's json module does, in ASCII; `root` and `path` are UTF-8. Bare NaN and Infinity are values.
// Malformed: what check_given_metadata() refuses. NotFound: it has no string storage.path.
Result<std::string> splice_storage(std::string_view document, std::string_view root, std::string_view path);

// The same, whatever its member "storage" is: it becomes an object of type "file_system". Malformed as above.
Result<std::string> replace_storage(std::string_view document, std::string_view root, std::string_view path);

}  // namespace modelfs
