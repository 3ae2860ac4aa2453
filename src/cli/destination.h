// What the name of a destination asks `modelfs get` to write.
#pragma once
#include <string>

#include "base/status.h"

namespace modelfs {

enum class Destination { Directory, Archive };

// An archive for a name that ends in a suffix of one that modelfs writes; a directory for any other, for a directory
// that exists, and for a name that ends in '/'. InvalidArgument: the name is that of an archive which modelfs does not
// write (out.tar.xz, OUT.ZIP), so that a directory would surprise; the message says which there are.
Result<Destination> destination_of(const std::string& path);

}  // namespace modelfs
