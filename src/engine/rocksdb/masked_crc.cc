#include "engine/rocksdb/masked_crc.h"

#include <array>
#include <cstddef>

namespace modelfs {
namespace {

// Eight bytes at a time.
using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;

CrcTables make_crc_tables() {
  CrcTables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    tables[0][byte] = crc;
  }
  for (std::size_t table = 1; table < tables.size(); ++table) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[table - 1][byte];
      tables[table][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

}  // namespace

void MaskedCrc::add(std::string_view bytes) {
  static const CrcTables kTables = make_crc_tables();
  std::uint32_t crc = state_;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    const std::uint32_t low = crc ^ load32(bytes.data());
    const std::uint32_t high = load32(bytes.data() + 4);
    crc = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      crc ^= kTables[7 - i][low >> (8 * i) & 0xff] ^ kTables[3 - i][high >> (8 * i) & 0xff];
    }
  }
  for (const char byte : bytes) crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  state_ = crc;
}

std::uint32_t MaskedCrc::finish() const {
  const std::uint32_t crc = ~state_;
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

}  // namespace modelfs
