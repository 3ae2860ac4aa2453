// Bytes that are kept compressed and can still be read at random: what a recipe keeps of an archive literally.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Chunks of a fixed size, each compressed for itself.
class CompressedChunks {
 public:
  static constexpr std::size_t kChunkBytes = 64 * 1024;

  std::uint64_t size_bytes() const { return size_bytes_; }
  std::size_t packed_bytes() const { return packed_bytes_; }
  void encode(Encoder& encoder) const;
  // Sets the decoder's failure where it is not what encode() wrote; damage inside a chunk is found by reading.
  static CompressedChunks decode(Decoder& decoder);

 private:
  friend class BytePacker;
  friend class CompressedChunksReader;
  std::vector<std::string> chunks_;
  std::uint64_t size_bytes_ = 0;
  std::size_t packed_bytes_ = 0;
};

// Makes CompressedChunks. Used by one thread at a time.
class BytePacker {
 public:
  void append(ByteView bytes);
  // What appending has cost so far.
  std::size_t packed_bytes() const { return packed_.packed_bytes_; }
  // Leaves the packer empty.
  CompressedChunks finish();

 private:
  void pack_chunk();
  CompressedChunks packed_;
  std::string chunk_;
};

// Reads, and keeps the last chunk, so that reading in order decompresses once. Used by one thread at a time.
class CompressedChunksReader {
 public:
  explicit CompressedChunksReader(const CompressedChunks& packed) : packed_(packed) {}
  // All of `into`. Corrupt: damage, or it reaches beyond the end.
  Status read_at(std::uint64_t offset_bytes, ByteSpan into);

 private:
  Status open_chunk(std::size_t index);
  const CompressedChunks& packed_;
  std::string chunk_;
  std::size_t index_ = SIZE_MAX;
};

}  // namespace modelfs
