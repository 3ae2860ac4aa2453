// Reads an archive in one pass, validates every member, and passes on only what may be published.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "archive/archive_format.h"
#include "archive/read/archive_contract.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Reads the whole archive in one pass and passes its members to `sink`. Ok only when the archive is complete, undamaged
// and acceptable in all its parts; until then nothing that the sink got may be published.
// The tar formats are read strictly forward, without size_bytes(), so the archive may still be growing; a second thread
// reads and unpacks ahead and has ended when this returns (a read_at() that blocks then is told so).
// Zip needs size_bytes() first.
// Memory: by the default limits below 256 MiB whatever the archive: a zstd window of at most 128 MiB, the only
// allocation whose size the archive decides; names of at most 64 MiB; 32 bytes a member, 48 a directory; buffers of 3
// MiB. Time: linear in the archive and what it unpacks to, both of which have limits. Malformed: damaged, truncated,
// not of this format, or with something that may not be published; names the member. NameTooLong: a path or component.
// TooLarge: any other limit. Else what the source or the sink answered.
Status read_archive(ArchiveSource& source, ArchiveFormat format, const ArchiveLimits& limits, ArchiveSink& sink);

// Whether the answer of read_archive, or a message that holds it, says that the archive ends before it is complete.
bool is_incomplete_archive(const Status& status);

// How many of an archive's first bytes tell its format.
inline constexpr std::size_t kArchiveStartBytes = 512;

// The format that an archive's first kArchiveStartBytes (fewer if it is shorter) show; empty for none that is known.
std::optional<ArchiveFormat> recognise_archive(ByteView start);

// Checks that the content is of the format that the name says, from the first bytes, as above. Malformed names both.
Status check_archive_start(ByteView start, ArchiveFormat named);

}  // namespace modelfs
