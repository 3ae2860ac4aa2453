#include "archive/recipe/deflate_blocks.h"

#include <bit>

#include "archive/recipe/huffman.h"

namespace modelfs {
namespace {

constexpr std::size_t kEndOfBlock = 256;
constexpr unsigned kCodeLengthMax = 15;
constexpr unsigned kLengthCodeLengthMax = 7;
constexpr std::size_t kLengthCodes = 19;
// The order in which RFC 1951 writes the lengths of the codes for lengths.
constexpr std::array<std::uint8_t, kLengthCodes> kLengthCodeOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                                     11, 4,  12, 3, 13, 2, 14, 1, 15};

enum BlockForm : std::uint32_t { kStored = 0, kFixed = 1, kDynamic = 2 };

// A code, and the bits that say which of its values.
struct Coded {
  std::uint32_t code = 0;
  unsigned extra_count = 0;
  std::uint32_t extra = 0;
};

// `length`: minus 3.
Coded coded_length(std::uint32_t length) {
  if (length == 255) return {28, 0, 0};
  if (length < 8) return {length, 0, 0};
  const unsigned extra = static_cast<unsigned>(std::bit_width(length)) - 3;
  return {extra * 4 + (length >> extra), extra, length & ((1u << extra) - 1)};
}

// `distance`: minus 1.
Coded coded_distance(std::uint32_t distance) {
  if (distance < 4) return {distance, 0, 0};
  const unsigned extra = static_cast<unsigned>(std::bit_width(distance)) - 2;
  return {extra * 2 + (distance >> extra), extra, distance & ((1u << extra) - 1)};
}

unsigned extra_of_length_code(std::size_t code) {
  return code < 8 || code == 28 ? 0 : static_cast<unsigned>(code) / 4 - 1;
}
unsigned extra_of_distance_code(std::size_t code) { return code < 4 ? 0 : static_cast<unsigned>(code) / 2 - 1; }

struct FixedTrees {
  std::vector<HuffmanCode> literals;
  std::vector<HuffmanCode> distances;
};

const FixedTrees& fixed_trees() {
  static const FixedTrees trees = [] {
    std::vector<std::uint8_t> lengths(144, 8);
    lengths.resize(256, 9);
    lengths.resize(280, 7);
    lengths.resize(288, 8);
    return FixedTrees{huffman_codes(lengths), huffman_codes(std::vector<std::uint8_t>(30, 5))};
  }();
  return trees;
}

// The lengths of a tree's codes, in runs: 0 to 15 is a length, 16 repeats the last one, 17 and 18 repeat zero.
void append_runs(std::vector<Coded>& runs, const HuffmanTree& tree) {
  int last = -1;
  for (std::size_t at = 0; at < tree.used;) {
    const unsigned length = tree.codes[at].length;
    std::uint32_t count = 1;
    const std::uint32_t count_max = length == 0 ? 138 : length == static_cast<unsigned>(last) ? 6 : 7;
    while (count < count_max && at + count < tree.used && tree.codes[at + count].length == length) ++count;
    at += count;
    const std::uint32_t count_min = length == 0 || length == static_cast<unsigned>(last) ? 3 : 4;
    if (count < count_min) {
      runs.insert(runs.end(), count, {length, 0, 0});
    } else if (length != 0) {
      if (static_cast<int>(length) != last) {
        runs.push_back({length, 0, 0});
        --count;
      }
      runs.push_back({16, 2, count - 3});
    } else if (count <= 10) {
      runs.push_back({17, 3, count - 3});
    } else {
      runs.push_back({18, 7, count - 11});
    }
    last = static_cast<int>(length);
  }
}

// What a block with trees of its own says of them.
struct TreeDescription {
  std::vector<Coded> runs;
  HuffmanTree tree;
  std::size_t written = 0;  // how many lengths of kLengthCodeOrder
  std::uint64_t bits = 0;
};

TreeDescription describe(const HuffmanTree& literals, const HuffmanTree& distances) {
  TreeDescription description;
  append_runs(description.runs, literals);
  append_runs(description.runs, distances);
  std::array<std::uint32_t, kLengthCodes> counts{};
  for (const Coded& run : description.runs) {
    ++counts[run.code];
    description.bits += run.extra_count;
  }
  description.tree = huffman_tree(counts, kLengthCodeLengthMax);
  description.written = kLengthCodes;
  while (description.written > 4 && description.tree.codes[kLengthCodeOrder[description.written - 1]].length == 0) {
    --description.written;
  }
  description.bits += description.tree.total_bits + 3 * description.written + 5 + 5 + 4;
  return description;
}

}  // namespace

DeflateBlocks::DeflateBlocks() {
  symbols_.reserve(kSymbolsMax + 1);
  start_block();
}

void DeflateBlocks::start_block() {
  symbols_.clear();
  match_count_ = 0;
  literal_counts_.fill(0);
  distance_counts_.fill(0);
  literal_counts_[kEndOfBlock] = 1;
}

void DeflateBlocks::add_literal(std::uint8_t byte) {
  symbols_.push_back({0, byte, false});
  ++literal_counts_[byte];
}

void DeflateBlocks::add_match(std::uint32_t distance, std::uint32_t length) {
  symbols_.push_back({static_cast<std::uint16_t>(distance - 1), static_cast<std::uint8_t>(length - 3), true});
  ++literal_counts_[kEndOfBlock + 1 + coded_length(length - 3).code];
  ++distance_counts_[coded_distance(distance - 1).code];
  ++match_count_;
}

std::uint64_t DeflateBlocks::distance_bits() const {
  std::uint64_t bits = 0;
  for (std::size_t code = 0; code < kDistanceCodes; ++code) {
    bits += std::uint64_t{distance_counts_[code]} * (5 + extra_of_distance_code(code));
  }
  return bits;
}

void DeflateBlocks::put_bits(std::uint32_t bits, unsigned count) {
  bits_ |= std::uint64_t{bits} << bit_count_;
  for (bit_count_ += count; bit_count_ >= 8; bit_count_ -= 8, bits_ >>= 8) {
    out_ += static_cast<char>(static_cast<unsigned char>(bits_));
  }
}

void DeflateBlocks::align() {
  if (bit_count_ > 0) put_bits(0, 8 - bit_count_);
}

void DeflateBlocks::put_stored(ByteView plain, bool is_last) {
  put_bits(kStored << 1 | (is_last ? 1 : 0), 3);
  align();
  const auto length = static_cast<std::uint32_t>(plain.size());
  put_bits(length & 0xffff, 16);
  put_bits(~length & 0xffff, 16);
  out_ += text_of(plain);
}

template <class LiteralTree, class DistanceTree>
void DeflateBlocks::put_symbols(const LiteralTree& literals, const DistanceTree& distances) {
  const auto put = [&](const HuffmanCode& code) { put_bits(code.bits, code.length); };
  for (const Symbol& symbol : symbols_) {
    if (!symbol.is_match) {
      put(literals[symbol.value]);
      continue;
    }
    const Coded length = coded_length(symbol.value);
    put(literals[kEndOfBlock + 1 + length.code]);
    put_bits(length.extra, length.extra_count);
    const Coded distance = coded_distance(symbol.distance);
    put(distances[distance.code]);
    put_bits(distance.extra, distance.extra_count);
  }
  put(literals[kEndOfBlock]);
}

void DeflateBlocks::end_block(std::optional<ByteView> plain, std::uint64_t plain_bytes, bool is_last) {
  const HuffmanTree literals = huffman_tree(literal_counts_, kCodeLengthMax);
  const HuffmanTree distances = huffman_tree(distance_counts_, kCodeLengthMax);
  const TreeDescription description = describe(literals, distances);
  const FixedTrees& fixed = fixed_trees();

  std::uint64_t extra_bits = 0;
  std::uint64_t fixed_bits = 0;
  for (std::size_t code = 0; code < kLiteralCodes; ++code) {
    fixed_bits += std::uint64_t{literal_counts_[code]} * fixed.literals[code].length;
    if (code > kEndOfBlock) {
      extra_bits += std::uint64_t{literal_counts_[code]} * extra_of_length_code(code - kEndOfBlock - 1);
    }
  }
  for (std::size_t code = 0; code < kDistanceCodes; ++code) {
    fixed_bits += std::uint64_t{distance_counts_[code]} * 5;
    extra_bits += std::uint64_t{distance_counts_[code]} * extra_of_distance_code(code);
  }
  const auto whole_bytes = [](std::uint64_t bits) { return (bits + 3 + 7) / 8; };
  const std::uint64_t fixed_bytes = whole_bytes(fixed_bits + extra_bits);
  const std::uint64_t dynamic_bytes =
      whole_bytes(literals.total_bits + distances.total_bits + extra_bits + description.bits);

  const std::uint32_t last = is_last ? 1 : 0;
  if (plain && plain_bytes + 4 <= std::min(fixed_bytes, dynamic_bytes)) {
    put_stored(*plain, is_last);
  } else if (fixed_bytes <= dynamic_bytes) {
    put_bits(kFixed << 1 | last, 3);
    put_symbols(fixed.literals, fixed.distances);
  } else {
    put_bits(kDynamic << 1 | last, 3);
    put_bits(static_cast<std::uint32_t>(literals.used) - 257, 5);
    put_bits(static_cast<std::uint32_t>(distances.used) - 1, 5);
    put_bits(static_cast<std::uint32_t>(description.written) - 4, 4);
    for (std::size_t i = 0; i < description.written; ++i) {
      put_bits(description.tree.codes[kLengthCodeOrder[i]].length, 3);
    }
    for (const Coded& run : description.runs) {
      const HuffmanCode& code = description.tree.codes[run.code];
      put_bits(code.bits, code.length);
      put_bits(run.extra, run.extra_count);
    }
    put_symbols(literals.codes, distances.codes);
  }
  start_block();
  if (is_last) align();
}

}  // namespace modelfs
