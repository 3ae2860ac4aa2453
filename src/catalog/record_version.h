// The number with which each record begins: the version of its own fields (FORMAT.md, *Versions*).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace modelfs {

// A number that is further ahead than that is damage.
inline constexpr std::uint64_t kVersionsAheadMax = 16;

// Ok for `known`. Unsupported: a later version. Corrupt: none that there ever was. `what` names the record for people.
inline Status check_record_version(std::string_view what, std::uint64_t version, std::uint64_t known) {
  if (version == known) return {};
  const std::string number = std::to_string(version);
  if (version < known || version > known + kVersionsAheadMax) {
    return {Code::Corrupt, std::string(what) + ": unknown format version " + number};
  }
  return {Code::Unsupported,
          std::string(what) + ": it has format version " + number + ", which a newer modelfs wrote: use that"};
}

}  // namespace modelfs
