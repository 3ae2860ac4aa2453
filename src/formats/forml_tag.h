// `tag.toml`, the marker of a ForML generation: its states, and when it was trained. Source: forml 0.93,
// forml/io/asset, which writes and reads it with the package `toml`.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace modelfs {

inline constexpr std::string_view kTagName = "tag.toml";
inline constexpr std::string_view kStateSuffix = ".bin";
// A tag is read whole. One of a pipeline with a thousand states has 40 KiB.
inline constexpr std::size_t kTagBytesMax = 1 << 20;

// Longest training.timestamp and so on, in bytes, that is read.
inline constexpr std::size_t kTagValueBytesMax = 1024;

struct Tag {
  std::vector<std::string> states;  // UUIDs in lower case; the order is the pipeline's
  // As they stand in it; empty where they do not.
  std::string trained, ordinal;  // training.timestamp, training.ordinal
  std::string tuned, score;      // tuning.timestamp, tuning.score
};

// Malformed: larger than kTagBytesMax, deeper than toml_bounds.h has it, no TOML, or without what every reader needs:
// `states` (UUIDs, none twice), [training] and [tuning].
Result<Tag> parse_tag(std::string_view text);

// The tag of a generation that was published without one: trained then, no states.
std::string make_tag(TimeNs trained);

}  // namespace modelfs
