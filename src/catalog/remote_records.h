// The records of a registry that many hosts share: where its bytes lie, who counts, how far a host has come.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Each `decode` answers Corrupt for bytes that its `encode` cannot have made, and Unsupported for a later version.

// Which object of the bucket holds a blob.
struct LocationRecord {
  std::string object;
  std::uint64_t offset_bytes = 0;  // of the blob in the object: several small blobs are packed into one
  std::uint64_t size_bytes = 0;
  std::uint32_t crc32 = 0;
  // 0: the blob is checked by its own digest. Else it is cut into chunks of so many bytes, the last one shorter, and
  // the object `<object>.chunks` holds their SHA-256, 32 bytes each.
  std::uint64_t chunk_bytes = 0;
  Digest chunks;  // SHA-256 of that object; zero where there is none

  std::string encode() const;
  static Result<LocationRecord> decode(std::string_view bytes);
};

// A store whose inode numbers have this writer.
struct WriterRecord {
  std::string store_id;  // a UUID4
  std::string host;
  // Made anew by each start. A store that finds another one than its own was copied, and the copy has been started.
  std::string start_id;
  TimeNs since{};

  std::string encode() const;
  static Result<WriterRecord> decode(std::string_view bytes);
};

// How far this host has applied the log.
struct PositionRecord {
  std::string registry_id;  // a UUID4
  std::uint64_t next_slot = 1;
  Digest chain;              // hash of the record in the slot before; zero before the first
  std::uint64_t writer = 0;  // 0: not registered yet

  std::string encode() const;
  static Result<PositionRecord> decode(std::string_view bytes);
};

}  // namespace modelfs
