// Replaces where a model is stored in a document that a client wrote: all other bytes stay as they are.
#pragma once
#include <string>
#include <string_view>

#include "base/status.h"

namespace modelfs {

// `document` with other values for the strings storage.root and storage.path, where they exist. They are written as
// Python's json module does, in ASCII; `root` and `path` are UTF-8. Bare NaN and Infinity are values. Malformed: what
// check_given_metadata() refuses. NotFound: it has no string storage.path.
Result<std::string> splice_storage(std::string_view document, std::string_view root, std::string_view path);

// The same, whatever its member "storage" was: it becomes an object of type "file_system". Malformed as above.
Result<std::string> replace_storage(std::string_view document, std::string_view root, std::string_view path);

}  // namespace modelfs
