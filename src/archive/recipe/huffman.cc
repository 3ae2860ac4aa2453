#include "archive/recipe/huffman.h"

#include <algorithm>
#include <array>

namespace modelfs {
namespace {

constexpr unsigned kLengthMax = 15;

// Merges the two rarest nodes until one is left. Which of equally rare ones decides the lengths, so the heap is kept as
// zlib keeps it: of equal counts the shallower subtree goes first, of equal depths the one that stands higher.
class Merger {
 public:
  explicit Merger(std::span<const std::uint32_t> counts) : symbol_count_(counts.size()) {
    count_.assign(counts.begin(), counts.end());
    count_.resize(2 * symbol_count_ + 1);
    depth_.resize(count_.size());
    parent_.resize(count_.size());
    heap_.push_back(0);  // counted from 1
  }

  // All nodes, the root first, so that parents stand before their children.
  std::vector<std::size_t> merge() {
    collect();
    for (std::size_t at = heap_size() / 2; at >= 1; --at) sink_down(at);
    std::size_t next = symbol_count_;
    std::vector<std::size_t> order;  // children before parents
    while (heap_size() >= 2) {
      const std::size_t first = pop();
      const std::size_t second = heap_[1];
      order.push_back(first);
      order.push_back(second);
      count_[next] = count_[first] + count_[second];
      depth_[next] = std::max(depth_[first], depth_[second]) + 1;
      parent_[first] = parent_[second] = next;
      heap_[1] = next++;
      sink_down(1);
    }
    order.push_back(heap_[1]);
    std::reverse(order.begin(), order.end());
    return order;
  }

  std::size_t used() const { return used_; }
  std::size_t parent(std::size_t node) const { return parent_[node]; }

 private:
  std::size_t heap_size() const { return heap_.size() - 1; }

  void collect() {
    for (std::size_t symbol = 0; symbol < symbol_count_; ++symbol) {
      if (count_[symbol] == 0) continue;
      heap_.push_back(symbol);
      used_ = symbol + 1;
    }
    while (heap_size() < 2) {
      const std::size_t extra = used_ < 3 ? used_++ : 0;
      count_[extra] = 1;
      heap_.push_back(extra);
    }
  }

  bool goes_before(std::size_t a, std::size_t b) const {
    return count_[a] < count_[b] || (count_[a] == count_[b] && depth_[a] <= depth_[b]);
  }

  void sink_down(std::size_t at) {
    const std::size_t node = heap_[at];
    for (std::size_t child = 2 * at; child <= heap_size(); child = 2 * at) {
      if (child < heap_size() && goes_before(heap_[child + 1], heap_[child])) ++child;
      if (goes_before(node, heap_[child])) break;
      heap_[at] = heap_[child];
      at = child;
    }
    heap_[at] = node;
  }

  std::size_t pop() {
    const std::size_t first = heap_[1];
    heap_[1] = heap_.back();
    heap_.pop_back();
    sink_down(1);
    return first;
  }

  std::size_t symbol_count_;
  std::size_t used_ = 0;
  std::vector<std::uint32_t> count_;
  std::vector<unsigned> depth_;
  std::vector<std::size_t> parent_;
  std::vector<std::size_t> heap_;
};

// Makes room for `too_long` codes that were cut to the longest length allowed, by lengthening shorter ones.
void rebalance(std::span<unsigned> counts_of_lengths, unsigned length_max, unsigned too_long) {
  for (; too_long > 0; too_long -= std::min(too_long, 2u)) {
    unsigned length = length_max - 1;
    while (counts_of_lengths[length] == 0) --length;
    --counts_of_lengths[length];
    counts_of_lengths[length + 1] += 2;
    --counts_of_lengths[length_max];
  }
}

std::uint16_t reversed(unsigned code, unsigned length) {
  unsigned result = 0;
  for (; length > 0; --length, code >>= 1) result = result << 1 | (code & 1);
  return static_cast<std::uint16_t>(result);
}

}  // namespace

std::vector<HuffmanCode> huffman_codes(std::span<const std::uint8_t> lengths) {
  std::array<unsigned, kLengthMax + 2> next{};
  for (const std::uint8_t length : lengths) {
    if (length > 0) ++next[length + 1u];
  }
  for (unsigned length = 1, code = 0; length <= kLengthMax; ++length) {
    code = (code + next[length]) << 1;
    next[length] = code;
  }
  std::vector<HuffmanCode> codes(lengths.size());
  for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
    if (lengths[symbol] > 0) codes[symbol] = {reversed(next[lengths[symbol]]++, lengths[symbol]), lengths[symbol]};
  }
  return codes;
}

HuffmanTree huffman_tree(std::span<const std::uint32_t> counts, unsigned length_max) {
  Merger merger(counts);
  const std::vector<std::size_t> order = merger.merge();
  std::vector<unsigned> node_lengths(2 * counts.size() + 1);
  std::array<unsigned, kLengthMax + 1> counts_of_lengths{};
  unsigned too_long = 0;
  for (std::size_t i = 1; i < order.size(); ++i) {
    const std::size_t node = order[i];
    unsigned length = node_lengths[merger.parent(node)] + 1;
    if (length > length_max) {
      length = length_max;
      ++too_long;
    }
    node_lengths[node] = length;
    if (node < counts.size()) ++counts_of_lengths[length];
  }

  std::vector<std::uint8_t> lengths(counts.size());
  for (std::size_t symbol = 0; symbol < counts.size(); ++symbol) {
    lengths[symbol] = static_cast<std::uint8_t>(node_lengths[symbol]);
  }
  if (too_long > 0) {
    rebalance(counts_of_lengths, length_max, too_long);
    auto node = order.end();
    for (unsigned length = length_max; length > 0; --length) {  // the rarest get the longest
      for (unsigned left = counts_of_lengths[length]; left > 0;) {
        if (*--node >= counts.size()) continue;
        lengths[*node] = static_cast<std::uint8_t>(length);
        --left;
      }
    }
  }
  HuffmanTree tree{huffman_codes(lengths), merger.used(), 0};
  for (std::size_t symbol = 0; symbol < counts.size(); ++symbol) {
    tree.total_bits += std::uint64_t{counts[symbol]} * lengths[symbol];
  }
  return tree;
}

}  // namespace modelfs
