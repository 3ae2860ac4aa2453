// Reads a zip: stored and deflated members, zip64.
#pragma once
#include "archive/read/member_validator.h"

namespace modelfs {

// Reads all of `source` and passes its members to `judge`, in the order of the central directory.
// Every byte of the archive has to have one meaning: the members with their local headers lie one behind the other from
// the first byte to the central directory, that up to the end records, and each local header says what the directory
// says. So nothing is hidden, nothing overlaps, and nothing stands before.
// Why not libarchive: it would read the same structures again by rules of its own, and the two readings could differ.
// Once the structures have been validated, only ranges of bytes remain to be inflated.
// Malformed, NameTooLong, TooLarge, or the failure of either.
Status read_zip(ArchiveSource& source, const ArchiveLimits& limits, MemberValidator& judge);

}  // namespace modelfs
