// The headers of a tar archive: POSIX ustar, and pax records before it for what ustar cannot say.
#pragma once
#include <cstdint>
#include <string>

#include "archive/write/synthetic_entry.h"

namespace modelfs {

inline constexpr std::uint64_t kTarBlockBytes = 512;
// An archive ends with two blocks of zeros and is filled up to whole records of this size, as all tars do.
inline constexpr std::uint64_t kTarRecordBytes = 20 * kTarBlockBytes;

// All blocks that stand before the member's bytes. A pax header is there only when something needs it: a time that is
// not a whole second of 1970 to 2242, a path or target that is long or not ASCII, 8 GiB and more, extended attributes.
// No owner is named.
std::string tar_header(const SyntheticEntry& entry);

// Adds the pax record of an extended attribute, such as "user.origin", to `attributes`. Source: star(1) and GNU tar
// --xattrs, SCHILY.xattr.
void append_attribute(std::string& attributes, std::string_view name, std::string_view value);

// Length of tar_header(entry).
std::uint32_t tar_header_bytes(const SyntheticEntry& entry);

// Zeros that follow `size_bytes` bytes of a member.
constexpr std::uint64_t tar_padding_bytes(std::uint64_t size_bytes) {
  return (kTarBlockBytes - size_bytes % kTarBlockBytes) % kTarBlockBytes;
}

}  // namespace modelfs
