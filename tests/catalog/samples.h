// Bytes and entries that several tests of the catalog use.
#pragma once
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "catalog/manifest.h"

namespace modelfs {

// The bytes that hexadecimal digits spell; spaces are for the reader.
inline std::string unhex(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string bytes;
  int high = -1;
  for (const char digit : text) {
    if (digit == ' ') continue;
    const auto value = static_cast<int>(kDigits.find(digit));
    if (value < 0 || value > 15) throw std::invalid_argument("not a hexadecimal digit");
    if (high >= 0) bytes += static_cast<char>(high * 16 + value);
    high = high < 0 ? value : -1;
  }
  return bytes;
}

inline std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

// A digest whose bytes are all `byte`.
inline Digest digest_of_all(std::uint8_t byte) {
  Digest digest;
  digest.bytes.fill(byte);
  return digest;
}

inline ManifestEntry directory_entry(std::string name, Ino ino = kNoIno) {
  ManifestEntry entry;
  entry.type = FileType::Directory;
  entry.mode = 0755;
  entry.ino = ino;
  entry.mtime = TimeNs{1};
  entry.name = std::move(name);
  return entry;
}

inline ManifestEntry file_entry(std::string name, std::string_view bytes, Ino ino = kNoIno) {
  ManifestEntry entry;
  entry.mode = 0644;
  entry.ino = ino;
  entry.mtime = TimeNs{1};
  entry.size_bytes = bytes.size();
  entry.allocated_bytes = 4096;
  entry.hash = hash_of(bytes_of(bytes));
  entry.name = std::move(name);
  return entry;
}

inline ManifestEntry symlink_entry(std::string name, std::string target, Ino ino = kNoIno) {
  ManifestEntry entry;
  entry.type = FileType::Symlink;
  entry.mode = 0777;
  entry.ino = ino;
  entry.mtime = TimeNs{1};
  entry.name = std::move(name);
  entry.target = std::move(target);
  return entry;
}

// `bytes` with a few bytes changed, dropped or put in.
inline std::string mutated(std::string bytes, std::mt19937_64& random) {
  for (auto changes = 1 + random() % 4; changes > 0; --changes) {
    const std::size_t at = random() % (bytes.size() + 1);
    const auto byte = static_cast<char>(static_cast<unsigned char>(random()));
    const auto choice = random() % 4;
    if (choice == 0) bytes.insert(at, 1, byte);
    if (choice == 1) bytes.erase(at, 1 + random() % 3);
    if (choice >= 2 && at < bytes.size()) bytes[at] = byte;
  }
  return bytes;
}

}  // namespace modelfs
