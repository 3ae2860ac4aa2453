#include "archive/recipe/compressed_chunks.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

namespace modelfs {

void CompressedChunks::encode(Encoder& encoder) const {
  encoder.number(size_bytes_);
  for (const std::string& chunk : chunks_) encoder.text(chunk);
}

CompressedChunks CompressedChunks::decode(Decoder& decoder) {
  CompressedChunks packed;
  packed.size_bytes_ = decoder.number();
  for (std::uint64_t at = 0; at < packed.size_bytes_ && !decoder.failed(); at += kChunkBytes) {
    packed.chunks_.emplace_back(decoder.text());
    packed.packed_bytes_ += packed.chunks_.back().size();
  }
  return packed;
}

void BytePacker::append(ByteView bytes) {
  packed_.size_bytes_ += bytes.size();
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), CompressedChunks::kChunkBytes - chunk_.size());
    chunk_ += text_of(bytes.first(count));
    bytes = bytes.subspan(count);
    if (chunk_.size() == CompressedChunks::kChunkBytes) pack_chunk();
  }
}

void BytePacker::pack_chunk() {
  uLongf size = ::compressBound(chunk_.size());
  std::string packed(size, '\0');
  // Fails only without memory; the proof of the recipe then finds the chunk that cannot be read.
  const int result = ::compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                                 reinterpret_cast<const Bytef*>(chunk_.data()), chunk_.size(), Z_BEST_COMPRESSION);
  packed.resize(result == Z_OK ? size : 0);
  packed.shrink_to_fit();
  packed_.packed_bytes_ += packed.size();
  packed_.chunks_.push_back(std::move(packed));
  chunk_.clear();
}

CompressedChunks BytePacker::finish() {
  if (!chunk_.empty()) pack_chunk();
  return std::exchange(packed_, {});
}

Status CompressedChunksReader::open_chunk(std::size_t index) {
  if (index == index_) return {};
  index_ = SIZE_MAX;
  if (index >= packed_.chunks_.size()) return Status(Code::Corrupt, "a recipe's own bytes end too early");
  const std::uint64_t at = std::uint64_t{index} * CompressedChunks::kChunkBytes;
  chunk_.resize(std::min<std::uint64_t>(CompressedChunks::kChunkBytes, packed_.size_bytes_ - at));
  const std::string& packed = packed_.chunks_[index];
  uLongf size = chunk_.size();
  const int result = ::uncompress(reinterpret_cast<Bytef*>(chunk_.data()), &size,
                                  reinterpret_cast<const Bytef*>(packed.data()), packed.size());
  if (result != Z_OK || size != chunk_.size()) return Status(Code::Corrupt, "a recipe's own bytes are damaged");
  index_ = index;
  return {};
}

Status CompressedChunksReader::read_at(std::uint64_t offset_bytes, ByteSpan into) {
  while (!into.empty()) {
    Status status = open_chunk(offset_bytes / CompressedChunks::kChunkBytes);
    if (!status.ok()) return status;
    const std::size_t from = offset_bytes % CompressedChunks::kChunkBytes;
    if (from >= chunk_.size()) return Status(Code::Corrupt, "a recipe's own bytes end too early");
    const std::size_t count = std::min(into.size(), chunk_.size() - from);
    std::memcpy(into.data(), chunk_.data() + from, count);
    into = into.subspan(count);
    offset_bytes += count;
  }
  return {};
}

}  // namespace modelfs
