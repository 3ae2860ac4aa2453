// The checksums in RocksDB's files: CRC-32C, turned and shifted, so that bytes which hold such hashes can be hashed
// again. Source: util/crc32c.h of RocksDB. zlib has another polynomial, and RocksDB keeps its own to itself.
#pragma once
#include <cstdint>
#include <string_view>

namespace modelfs {

inline std::uint32_t load32(const char* from) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(from[i]);
  return value;
}
inline std::uint64_t load64(const char* from) { return load32(from) | std::uint64_t{load32(from + 4)} << 32; }

// Hashes bytes incrementally.
class MaskedCrc {
 public:
  void add(std::string_view bytes);
  std::uint32_t finish() const;

 private:
  std::uint32_t state_ = 0xffffffffu;
};

inline std::uint32_t masked_crc(std::string_view bytes) {
  MaskedCrc crc;
  crc.add(bytes);
  return crc.finish();
}

}  // namespace modelfs
