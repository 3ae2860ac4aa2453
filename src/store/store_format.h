// The file FORMAT of a store: that it is one, of which version, and which one it is.
//   modelfs store
//   version 2
//   id 6f9619ff-8b86-4d01-b42d-00cf4fc964ff
//   follows s3://bucket/prefix region=eu-central-1
//   upgrading from 1
// A store that follows a registry of many hosts names it: whoever opens it must ask there before anything is committed.
// The last line stands there while an upgrade is under way: what wrote the store cannot open it any more, and whether
// its keys are upgraded yet, they say themselves.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace modelfs {

inline constexpr const char* kFormatName = "FORMAT";
inline constexpr std::size_t kFormatBytesMax = 4096;
// The version that is written, and the oldest that can be upgraded to it. FORMAT.md says what they are.
inline constexpr std::uint64_t kStoreVersion = 2;
inline constexpr std::uint64_t kOldestStoreVersion = 1;

struct StoreFormat {
  std::uint64_t version = kStoreVersion;
  std::string id;                    // a UUID4, given at creation and never changed
  std::string follows;               // a remote and how it is reached; empty: the store is a registry of its own
  std::uint64_t upgrading_from = 0;  // 0: no upgrade is under way

  bool needs_upgrade() const { return version != kStoreVersion || upgrading_from != 0; }
  // The text of the file.
  std::string str() const;
  // `path` is the store's, for messages. InvalidArgument: FORMAT of something else. Corrupt: damaged. Unsupported: a
  // version that is newer than kStoreVersion, or older than kOldestStoreVersion, or a line that is not known.
  static Result<StoreFormat> parse(const std::string& text, const std::string& path);
};

}  // namespace modelfs
