// How numbers and strings are written into keys and values of the store.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/status.h"

namespace modelfs {

// Big-endian, so that keys sort as the numbers do.
std::string be64(std::uint64_t number);
// InvalidArgument unless `text` has exactly 8 bytes.
Result<std::uint64_t> parse_be64(std::string_view text);

// Appends fields to a value. Integers are LEB128 varints (signed ones zigzag), strings carry their length.
class Encoder {
 public:
  Encoder& number(std::uint64_t value);
  Encoder& signed_number(std::int64_t value);
  Encoder& text(std::string_view value);
  Encoder& digest(const Digest& value);
  Encoder& fixed32(std::uint32_t value);
  std::string take() { return std::move(out_); }
  std::size_t size_bytes() const { return out_.size(); }

 private:
  std::string out_;
};

// Reads fields in the order they were written. After the first field that is not there, failed() is true for good and
// every further read gives zero or empty: check once at the end. A number that is written longer than it must be is not
// there either: one value, one encoding. Views point into the given value.
class Decoder {
 public:
  explicit Decoder(std::string_view value) : rest_(value) {}
  std::uint64_t number();
  std::int64_t signed_number();
  std::string_view text();
  Digest digest();
  std::uint32_t fixed32();
  bool failed() const { return failed_; }
  // True when everything was read and nothing is left over.
  bool finished() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t count);
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace modelfs
