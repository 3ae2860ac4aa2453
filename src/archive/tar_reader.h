// Reads a tar: of ustar, pax, GNU or the first kind.
#pragma once
#include "archive/archive_judge.h"
#include "archive/read_ahead.h"

namespace modelfs {

// Reads all of `stream` and gives its members to `judge`. Malformed, NameTooLong, TooLarge, or what those two answered.
Status read_tar(ReadAhead& stream, const ArchiveLimits& limits, ArchiveJudge& judge);

}  // namespace modelfs
