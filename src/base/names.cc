#include "base/names.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <stdexcept>

#include "base/utf8.h"

namespace modelfs {
namespace {

constexpr std::array<std::string_view, 7> kReserved = {
    "latest", "next", "versions", "domains", "model_states", "modelstore", "operatorai-model-store"};
constexpr std::array<std::string_view, 7> kFaceSuffixes = {".json",    ".tar", ".tar.gz", ".tgz",
                                                           ".tar.zst", ".zip", ".4ml"};

Status invalid(std::string_view name, std::string_view why) {
  return {Code::InvalidArgument, "'" + printable(name) + "' cannot be a name here: " + std::string(why)};
}

}  // namespace

bool has_control_character(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    // U+0080…U+009F, the C1 controls, are C2 80 … C2 9F in UTF-8.
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) <= 0x9f) return true;
  }
  return false;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_bytes(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

Status check_file_name(std::string_view name) {
  if (name.empty()) return {Code::InvalidArgument, "a name may not be empty"};
  if (name == "." || name == "..") return invalid(name, "it names a directory relative to another");
  if (name.size() > kFileNameBytesMax) return {Code::NameTooLong, "a name has at most 255 bytes"};
  if (name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos) {
    return invalid(name, "it contains '/' or NUL");
  }
  if (!is_utf8(name)) return {Code::IllegalName, "'" + printable(name) + "' is not valid UTF-8"};
  return {};
}

Status check_name(std::string_view name) {
  if (Status status = check_file_name(name); !status.ok()) return status;
  if (name.size() > kNameBytesMax) {
    return {Code::NameTooLong, "a domain, version or label has at most 240 bytes, '" + printable(name.substr(0, 20)) +
                                   "…' has " + std::to_string(name.size())};
  }
  if (name.front() == '.') return invalid(name, "it begins with a dot");
  if (has_control_character(name)) return invalid(name, "it contains a control character");
  if (is_reserved_name(name)) return invalid(name, "the name is reserved");
  if (const auto suffix = face_suffix(name); !suffix.empty()) {
    return invalid(name, "it ends in '" + std::string(suffix) + "', which names a face of a release");
  }
  return {};
}

bool is_reserved_name(std::string_view name) {
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end();
}

std::span<const std::string_view> face_suffixes() { return kFaceSuffixes; }

std::string_view face_suffix(std::string_view name) {
  std::string_view longest;
  for (const std::string_view suffix : kFaceSuffixes) {
    if (name.ends_with(suffix) && suffix.size() > longest.size()) longest = name.substr(name.size() - suffix.size());
  }
  return longest;
}

Result<Generation> parse_generation(std::string_view name) {
  const Status bad(
      Code::InvalidArgument,
      "'" + printable(name) +
          "' is not the number of a generation; write a number from 1, without zeros before it, or 'next'");
  if (name.empty() || name.front() < '1' || name.front() > '9') return bad;
  std::uint64_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, number);
  if (error != std::errc{} || stop != end) return bad;
  // Source: TensorFlow Serving reads a version directory's name as a signed 64-bit integer and skips what does not fit.
  if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return bad;
  return Generation{number};
}

std::string make_model_id() {
  std::array<unsigned char, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("getrandom gave no bytes");
  }
  // Source: RFC 4122, section 4.4: the version and variant bits of a random UUID.
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string id;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) id += '-';
    id += kDigits[bytes[i] >> 4];
    id += kDigits[bytes[i] & 15];
  }
  return id;
}

std::string printable(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  const auto escape = [&](char byte) {
    out += "\\x";
    out += kDigits[static_cast<unsigned char>(byte) >> 4];
    out += kDigits[static_cast<unsigned char>(byte) & 15];
  };
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_bytes(text);
    const std::string_view piece = text.substr(0, std::max<std::size_t>(length, 1));
    text.remove_prefix(piece.size());
    if (length == 0 || has_control_character(piece) || piece == "\\" || piece == "'") {
      for (const char byte : piece) escape(byte);
    } else {
      out += piece;
    }
  }
  return out;
}

}  // namespace modelfs
