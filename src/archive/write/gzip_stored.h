// A gzip file that holds its data uncompressed (stored deflate blocks), so that any of its bytes can be computed from
// the data's. Sources: RFC 1951, RFC 1952.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// A stored block holds at most so much. Source: RFC 1951, 3.2.4.
inline constexpr std::size_t kStoredBlockBytes = 65535;

// What stands in front of a stored block that begins with a byte.
std::string stored_block_header(std::uint64_t size_bytes, bool is_last);

// Fills all of `into` with the data from `offset_bytes` on, or fails.
using ReadStored = std::function<Status(std::uint64_t offset_bytes, ByteSpan into)>;

// Safe for concurrent use.
class StoredGzip {
 public:
  // Of `data_bytes` > 0 bytes with this CRC-32.
  StoredGzip(std::uint64_t data_bytes, std::uint32_t crc32) : data_bytes_(data_bytes), crc32_(crc32) {}

  static std::uint64_t size_bytes(std::uint64_t data_bytes);
  // Fills all of `into`, which lies within the file.
  Status read_at(std::uint64_t offset_bytes, ByteSpan into, const ReadStored& read_data) const;

 private:
  Status read_block(std::uint64_t block, std::uint64_t offset_bytes, ByteSpan into, const ReadStored& read_data) const;

  std::uint64_t data_bytes_;
  std::uint32_t crc32_;
};

}  // namespace modelfs
