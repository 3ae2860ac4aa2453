// SHA-256 digests, which name blobs, and the CRC-32 that archives need as well.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// The SHA-256 of some bytes.
struct Digest {
  static constexpr std::size_t kSizeBytes = 32;
  std::array<std::uint8_t, kSizeBytes> bytes{};

  auto operator<=>(const Digest&) const = default;
  // 64 lower-case hexadecimal digits.
  std::string hex() const;
  std::string_view raw_bytes() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  // InvalidArgument unless `hex` is 64 lower-case hexadecimal digits.
  static Result<Digest> from_hex(std::string_view hex);
};

struct DigestHash {
  std::size_t operator()(const Digest& digest) const;
};

// What names and checks content.
struct ContentHash {
  Digest digest;
  std::uint32_t crc32 = 0;  // the CRC of gzip and zip
  bool operator==(const ContentHash&) const = default;
};

// Hashes bytes incrementally. Used by one thread at a time.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void add(ByteView bytes);
  // The hash of everything added since the start or the last finish(); starts again.
  ContentHash finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

ContentHash hash_of(ByteView bytes);
// The digest alone, where nobody asks for the CRC.
Digest sha256_of(ByteView bytes);

// HMAC with SHA-256 (RFC 2104), which signs requests.
Digest hmac_sha256(ByteView key, ByteView message);

}  // namespace modelfs
