// Huffman codes of bounded length, as zlib and GNU gzip build them: RFC 1951 leaves open which of the best trees it is.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace modelfs {

struct HuffmanCode {
  std::uint16_t bits = 0;  // first bit lowest
  std::uint8_t length = 0;
};

struct HuffmanTree {
  std::vector<HuffmanCode> codes;
  std::size_t used = 0;          // codes up to the last one that has a length
  std::uint64_t total_bits = 0;  // of all symbols' codes
};

// For symbols that occur so often; a tree has at least two codes.
HuffmanTree huffman_tree(std::span<const std::uint32_t> counts, unsigned length_max);

// The codes that go with these lengths.
std::vector<HuffmanCode> huffman_codes(std::span<const std::uint8_t> lengths);

}  // namespace modelfs
