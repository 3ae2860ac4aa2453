// Reads a tar: of ustar, pax, GNU or the first kind.
#pragma once
#include "archive/read/decompression_thread.h"
#include "archive/read/member_validator.h"

namespace modelfs {

// Reads all of `stream` and gives its members to `judge`. Malformed, NameTooLong, TooLarge, or what those two answered.
Status read_tar(DecompressionThread& stream, const ArchiveLimits& limits, MemberValidator& judge);

}  // namespace modelfs
