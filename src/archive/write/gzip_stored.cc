#include "archive/write/gzip_stored.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "archive/write/read_window.h"

namespace modelfs {
namespace {

using namespace std::string_view_literals;

// Deflate, no flags, no time, no hint, unknown system: the same bytes on every machine.
constexpr std::string_view kHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"sv;
constexpr std::uint64_t kTrailerBytes = 8;
constexpr std::uint64_t kBlockHeaderBytes = 5;
constexpr std::uint64_t kBlockBytes = kBlockHeaderBytes + kStoredBlockBytes;

std::uint64_t block_count(std::uint64_t data_bytes) { return (data_bytes + kStoredBlockBytes - 1) / kStoredBlockBytes; }

void append_little_endian(std::string& out, std::uint64_t number, unsigned count) {
  for (; count > 0; --count, number >>= 8) out += static_cast<char>(static_cast<unsigned char>(number));
}

}  // namespace

std::string stored_block_header(std::uint64_t size_bytes, bool is_last) {
  std::string header(1, is_last ? '\x01' : '\x00');
  append_little_endian(header, size_bytes, 2);
  append_little_endian(header, ~size_bytes, 2);
  return header;
}

std::uint64_t StoredGzip::size_bytes(std::uint64_t data_bytes) {
  return kHeader.size() + block_count(data_bytes) * kBlockHeaderBytes + data_bytes + kTrailerBytes;
}

Status StoredGzip::read_block(std::uint64_t block, std::uint64_t offset_bytes, ByteSpan into,
                              const ReadStored& read_data) const {
  const ReadWindow window(offset_bytes, into);
  const std::uint64_t at = kHeader.size() + block * kBlockBytes;
  const std::uint64_t data_at = block * kStoredBlockBytes;
  const std::uint64_t size_bytes = std::min<std::uint64_t>(kStoredBlockBytes, data_bytes_ - data_at);
  if (window.meets(at, kBlockHeaderBytes)) {
    window.put(at, stored_block_header(size_bytes, data_at + size_bytes == data_bytes_));
  }
  const ReadWindow::Part data = window.part(at + kBlockHeaderBytes, size_bytes);
  return data.into.empty() ? Status() : read_data(data_at + data.from, data.into);
}

Status StoredGzip::read_at(std::uint64_t offset_bytes, ByteSpan into, const ReadStored& read_data) const {
  const ReadWindow window(offset_bytes, into);
  window.put(0, kHeader);

  const std::uint64_t first = offset_bytes < kHeader.size() ? 0 : (offset_bytes - kHeader.size()) / kBlockBytes;
  for (std::uint64_t block = first; block < block_count(data_bytes_); ++block) {
    if (kHeader.size() + block * kBlockBytes >= window.end()) break;
    Status status = read_block(block, offset_bytes, into, read_data);
    if (!status.ok()) return status;
  }

  std::string trailer;
  append_little_endian(trailer, crc32_, 4);
  append_little_endian(trailer, data_bytes_, 4);  // modulo 2^32, as RFC 1952 wants it
  window.put(size_bytes(data_bytes_) - kTrailerBytes, trailer);
  return {};
}

}  // namespace modelfs
