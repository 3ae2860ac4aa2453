// One member as a format writes it: what its header says and how many bytes follow.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/types.h"

namespace modelfs {

// Views point into whatever lists the members.
struct SyntheticEntry {
  std::string_view path;  // without a trailing slash, directories too
  FileType type = FileType::Regular;
  bool is_hard_link = false;  // to `target`; tar only
  std::uint32_t mode = 0;     // permission bits
  TimeNs mtime{};
  std::uint64_t size_bytes = 0;      // what follows the header
  std::uint32_t crc32 = 0;           // of that
  std::string_view target;           // of a symlink, as it reads; of a hard link, the other member's path
  std::string_view attributes = {};  // records of append_attribute(); tar only
};

}  // namespace modelfs
