// The second half of deflate: symbols into blocks of Huffman codes (RFC 1951), with the trees that zlib and GNU gzip
// build from the same frequencies.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/types.h"

namespace modelfs {

// Collects the symbols of a block and writes the block in the shortest of its three forms. Used by one thread at a
// time.
class DeflateBlocks {
 public:
  // A block has at most so many symbols before its end.
  static constexpr std::size_t kSymbolsMax = 0x7fff;

  DeflateBlocks();

  void add_literal(std::uint8_t byte);
  // A match: 3 to 258 bytes that stand 1 to 32,768 bytes before.
  void add_match(std::uint32_t distance, std::uint32_t length);
  std::size_t symbol_count() const { return symbols_.size(); }
  std::size_t match_count() const { return match_count_; }
  // Bits that the distances of the block will take at most.
  std::uint64_t distance_bits() const;

  // Writes the block. `plain`: the bytes it stands for, as far as they are at hand. `plain_bytes`: how many.
  void end_block(std::optional<ByteView> plain, std::uint64_t plain_bytes, bool is_last);
  // What was written and has not been fetched yet.
  std::string take() { return std::exchange(out_, {}); }

 private:
  static constexpr std::size_t kLiteralCodes = 286;  // literals, the end of the block, lengths
  static constexpr std::size_t kDistanceCodes = 30;
  struct Symbol {
    std::uint16_t distance;  // minus 1
    std::uint8_t value;      // the literal, or the length minus 3
    bool is_match;
  };

  void put_bits(std::uint32_t bits, unsigned count);
  void align();
  void put_stored(ByteView plain, bool is_last);
  template <class LiteralTree, class DistanceTree>
  void put_symbols(const LiteralTree& literals, const DistanceTree& distances);
  void start_block();

  std::vector<Symbol> symbols_;
  std::size_t match_count_ = 0;
  std::array<std::uint32_t, kLiteralCodes> literal_counts_{};
  std::array<std::uint32_t, kDistanceCodes> distance_counts_{};
  std::uint64_t bits_ = 0;
  unsigned bit_count_ = 0;
  std::string out_;
};

}  // namespace modelfs
