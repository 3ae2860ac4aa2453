// JSON as Python's json module writes it, for a parser that knows only JSON: bare NaN, Infinity and -Infinity.
#pragma once
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

#include "base/status.h"

namespace modelfs {

// The document with a number of the same length in place of each NaN and Infinity outside of strings, so that every
// byte that is left stands where it stood. Malformed: a NUL, or nested deeper than kMetadataDepthMax; the message names
// the byte. Any other error is left to the parser to refuse.
Result<std::string> plain_json(std::string_view document);

// Reads characters and counts them where others can see, because nlohmann_json tells its handler no positions. When it
// is told of a string, a key or a bracket, the count is that of the byte behind it.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::size_t* count) : at_(at), count_(count) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*count_;
    return *this;
  }
  CountingIterator operator++(int) {
    const CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  std::size_t* count_;
};

}  // namespace modelfs
