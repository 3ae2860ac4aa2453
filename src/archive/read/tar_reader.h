// Reads a tar: of ustar, pax, GNU or the first kind.
#pragma once
#include "archive/read/decompression_thread.h"
#include "archive/read/member_validator.h"

namespace modelfs {

// Reads all of `stream` and passes its members to `judge`. Malformed, NameTooLong, TooLarge, or the failure of either.
Status read_tar(DecompressionThread& stream, const ArchiveLimits& limits, MemberValidator& judge);

}  // namespace modelfs
