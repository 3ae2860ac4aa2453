// One record of the log that all hosts of a registry read: FORMAT.md has its bytes.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/status.h"
#include "store/key_value_store.h"

namespace modelfs {

// What a batch changes, of shared keys alone. In this order: `erase_prefixes` and `erases`, then `puts`.
struct LoggedChanges {
  std::vector<std::string> erases;
  std::vector<std::string> erase_prefixes;
  std::vector<Batch::Put> puts;

  std::string encode() const;
  static Result<LoggedChanges> decode(std::string_view bytes);
};

// A batch that holds where all that it expects holds, and is void elsewhere: each host judges it alone, at the same
// place of the same log, and so all judge alike.
struct LoggedBatch {
  struct Expected {
    std::string key;
    std::optional<Digest> value;  // SHA-256 of the whole value, or nullopt: the key is absent
    bool operator==(const Expected&) const = default;
  };
  // Where changes lie that are too long for the record.
  struct Body {
    std::string object;
    std::uint64_t size_bytes = 0;
    Digest digest;
    bool operator==(const Body&) const = default;
  };

  std::string token;  // kTokenBytes random ones: tells this batch from every other
  std::vector<Expected> expectations;
  std::optional<Body> body;
  LoggedChanges changes;  // not encoded where there is a body
};

struct LogRecord {
  static constexpr std::size_t kTokenBytes = 16;
  static constexpr std::uint64_t kFormatVersion = 1;
  // Bounds of what is read: more is refused as damage. What is written stays far below.
  static constexpr std::size_t kBatchesMax = 4096;
  static constexpr std::size_t kExpectationsMax = 65536;
  static constexpr std::size_t kBodyBytesMax = 1ull << 30;

  std::string registry_id;
  std::uint64_t slot = 0;
  Digest previous;  // hash of the record in the slot before; zero in the first
  std::string host;
  std::uint64_t writer = 0;
  std::vector<LoggedBatch> batches;

  std::string encode() const;
  // Corrupt: no record, or one that was damaged. Unsupported: a later version.
  static Result<LogRecord> decode(std::string_view bytes);
  // The hash that the next record repeats: the last bytes of `encoded`, which decode() has proved.
  static Digest hash_of_encoded(std::string_view encoded);
};

// "log/00000000000000000007"
std::string log_object(std::uint64_t slot);

}  // namespace modelfs
