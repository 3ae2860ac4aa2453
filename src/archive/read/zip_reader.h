// Reads a zip: stored and deflated members, zip64.
#pragma once
#include "archive/read/member_validator.h"

namespace modelfs {

// Reads all of `source` and gives its members to `judge`, in the order of the central directory.
// Every byte of the archive has to have one meaning: the members with their local headers lie one behind the other from
// the first byte to the central directory, that up to the end records, and each local header says what the directory
// says. So nothing is hidden, nothing overlaps, and nothing stands before.
// Why not libarchive: it would read the same structures once more and by rules of its own, and the two readings could
// differ. What is left when the structures have been judged is to inflate a range of bytes.
// Malformed, NameTooLong, TooLarge, or what those two answered.
Status read_zip(ArchiveSource& source, const ArchiveLimits& limits, MemberValidator& judge);

}  // namespace modelfs
