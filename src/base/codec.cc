#include "base/codec.h"

#include <cstring>

namespace modelfs {

std::string be64(std::uint64_t number) {
  std::string text(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) text[i] = static_cast<char>(static_cast<unsigned char>(number >> (56 - 8 * i)));
  return text;
}

Result<std::uint64_t> parse_be64(std::string_view text) {
  if (text.size() != 8) return Status(Code::InvalidArgument, "a number in a key has 8 bytes");
  std::uint64_t number = 0;
  for (const char byte : text) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

Encoder& Encoder::number(std::uint64_t value) {
  while (value >= 0x80) {
    out_ += static_cast<char>(static_cast<unsigned char>(value | 0x80));
    value >>= 7;
  }
  out_ += static_cast<char>(value);
  return *this;
}

Encoder& Encoder::signed_number(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return number(bits << 1 ^ (value < 0 ? ~std::uint64_t{0} : 0));
}

Encoder& Encoder::text(std::string_view value) {
  number(value.size());
  out_ += value;
  return *this;
}

Encoder& Encoder::digest(const Digest& value) {
  out_ += value.raw_bytes();
  return *this;
}

Encoder& Encoder::fixed32(std::uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8)
    out_ += static_cast<char>(static_cast<unsigned char>(value >> shift));
  return *this;
}

std::string_view Decoder::take(std::size_t count) {
  if (failed_ || count > rest_.size()) {
    failed_ = true;
    return {};
  }
  const std::string_view piece = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return piece;
}

std::uint64_t Decoder::number() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::string_view byte = take(1);
    if (failed_) return 0;
    const auto bits = static_cast<unsigned char>(byte.front());
    // Why also a last byte of 0: the shorter form without it is the only one that an Encoder writes.
    if ((shift == 63 && bits > 1) || (shift > 0 && bits == 0)) break;
    value |= static_cast<std::uint64_t>(bits & 0x7f) << shift;
    if ((bits & 0x80) == 0) return value;
  }
  failed_ = true;
  return 0;
}

std::int64_t Decoder::signed_number() {
  const std::uint64_t bits = number();
  return static_cast<std::int64_t>(bits >> 1 ^ (~(bits & 1) + 1));
}

std::string_view Decoder::text() {
  const std::uint64_t length = number();
  return take(length);
}

Digest Decoder::digest() {
  Digest value;
  const std::string_view piece = take(Digest::kSizeBytes);
  if (!failed_) std::memcpy(value.bytes.data(), piece.data(), piece.size());
  return value;
}

std::uint32_t Decoder::fixed32() {
  const std::string_view piece = take(4);
  std::uint32_t value = 0;
  for (std::size_t i = piece.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(piece[i]);
  return value;
}

}  // namespace modelfs
