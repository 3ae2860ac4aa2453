// The range that one read requests, filled piece by piece; pieces may lie partly outside it.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/types.h"

namespace modelfs {

class ReadWindow {
 public:
  // The bytes from `begin` on, for `into`.
  ReadWindow(std::uint64_t begin, ByteSpan into) : begin_(begin), into_(into) {}

  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return begin_ + into_.size(); }
  bool meets(std::uint64_t at, std::uint64_t size_bytes) const { return at < end() && at + size_bytes > begin_; }

  // What the window shows of a piece of `size_bytes` bytes that stands at `at`: from which of the piece's bytes on, and
  // where they go. Empty when they do not meet.
  struct Part {
    std::uint64_t from = 0;
    ByteSpan into;
  };
  Part part(std::uint64_t at, std::uint64_t size_bytes) const {
    if (!meets(at, size_bytes)) return {};
    const std::uint64_t first = std::max(at, begin_);
    const std::uint64_t last = std::min(at + size_bytes, end());
    return {first - at, into_.subspan(first - begin_, last - first)};
  }

  void put(std::uint64_t at, std::string_view text) const {
    const Part shown = part(at, text.size());
    if (!shown.into.empty()) std::memcpy(shown.into.data(), text.data() + shown.from, shown.into.size());
  }
  void put_zeros(std::uint64_t at, std::uint64_t size_bytes) const {
    const Part shown = part(at, size_bytes);
    if (!shown.into.empty()) std::memset(shown.into.data(), 0, shown.into.size());
  }

 private:
  std::uint64_t begin_;
  ByteSpan into_;
};

}  // namespace modelfs
