// The records of a zip archive of stored entries: local headers, the central directory, its end.
// Source: PKWARE APPNOTE.TXT 6.3.10.
//
// Times are kept in whole seconds (an extended timestamp) from 1970 to 2106; others only as the DOS time, in steps of
// two seconds, clamped to 1980 and 2107. DOS times are meant to be local; UTC is written, so that the bytes are the
// same everywhere.
#pragma once
#include <cstdint>
#include <string>

#include "archive/write/synthetic_entry.h"

namespace modelfs {

std::string zip_local_header(const SyntheticEntry& entry);
// `offset_bytes`: where the local header stands in the archive.
std::string zip_central_header(const SyntheticEntry& entry, std::uint64_t offset_bytes);

// The lengths of these.
std::uint32_t zip_local_header_bytes(const SyntheticEntry& entry);
std::uint32_t zip_central_header_bytes(const SyntheticEntry& entry, std::uint64_t offset_bytes);

// Where the central directory lies.
struct SyntheticDirectory {
  std::uint64_t entry_count = 0;
  std::uint64_t offset_bytes = 0;
  std::uint64_t size_bytes = 0;
};
// What follows the central directory and ends the archive.
std::string zip_end(const SyntheticDirectory& directory);
std::uint32_t zip_end_bytes(const SyntheticDirectory& directory);

}  // namespace modelfs
