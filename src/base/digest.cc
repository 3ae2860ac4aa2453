#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>

#include <cstring>
#include <stdexcept>

namespace modelfs {
namespace {

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

}  // namespace

std::string Digest::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(kSizeBytes * 2);
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

Result<Digest> Digest::from_hex(std::string_view hex) {
  const Status bad(Code::InvalidArgument, "not a SHA-256 digest: '" + std::string(hex.substr(0, 80)) + "'");
  if (hex.size() != kSizeBytes * 2) return bad;
  Digest digest;
  for (std::size_t i = 0; i < kSizeBytes; ++i) {
    const int high = hex_value(hex[2 * i]);
    const int low = hex_value(hex[2 * i + 1]);
    if (high < 0 || low < 0) return bad;
    digest.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return digest;
}

std::size_t DigestHash::operator()(const Digest& digest) const {
  std::size_t value = 0;  // a digest's own bytes are as good a hash as any
  std::memcpy(&value, digest.bytes.data(), sizeof value);
  return value;
}

struct Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  uLong crc = ::crc32(0, nullptr, 0);

  State() { restart(); }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void restart() {
    // Only an OpenSSL without SHA-256 or without memory fails here, and then nothing can be published.
    if (context == nullptr || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1) {
      throw std::runtime_error("SHA-256 is not available");
    }
    crc = ::crc32(0, nullptr, 0);
  }
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::add(ByteView bytes) {
  // Why: zlib takes a null pointer, which an empty view may have, as the request to start a new CRC.
  if (bytes.empty()) return;
  EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
  state_->crc = ::crc32_z(state_->crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
}

ContentHash Hasher::finish() {
  ContentHash hash;
  unsigned int size_bytes = 0;
  EVP_DigestFinal_ex(state_->context, hash.digest.bytes.data(), &size_bytes);
  hash.crc32 = static_cast<std::uint32_t>(state_->crc);
  state_->restart();
  return hash;
}

ContentHash hash_of(ByteView bytes) {
  Hasher hasher;
  hasher.add(bytes);
  return hasher.finish();
}

Digest sha256_of(ByteView bytes) {
  Digest digest;
  unsigned int size_bytes = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.bytes.data(), &size_bytes, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available");
  }
  return digest;
}

Digest hmac_sha256(ByteView key, ByteView message) {
  // Why: OpenSSL takes a null pointer, which an empty view may have, as the request to go on with the key before.
  static constexpr char kNoKey[] = "";
  const void* const key_bytes = key.empty() ? static_cast<const void*>(kNoKey) : key.data();
  Digest digest;
  if (::HMAC(EVP_sha256(), key_bytes, static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.bytes.data(),
             nullptr) == nullptr) {
    throw std::runtime_error("HMAC-SHA-256 is not available");
  }
  return digest;
}

}  // namespace modelfs
