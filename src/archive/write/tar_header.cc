#include "archive/write/tar_header.h"

#include <algorithm>
#include <array>
#include <optional>

namespace modelfs {
namespace {

// POSIX.1-2017, pax, "ustar Interchange Format". Text fields need no NUL when they are full.
struct Ustar {
  std::array<char, 100> name;
  std::array<char, 8> mode;
  std::array<char, 8> uid;
  std::array<char, 8> gid;
  std::array<char, 12> size;
  std::array<char, 12> mtime;
  std::array<char, 8> checksum;
  char type;
  std::array<char, 100> target;
  std::array<char, 6> magic;
  std::array<char, 2> version;
  std::array<char, 32> owner;
  std::array<char, 32> group;
  std::array<char, 8> device_major;
  std::array<char, 8> device_minor;
  std::array<char, 155> prefix;
  std::array<char, 12> unused;
};
static_assert(sizeof(Ustar) == kTarBlockBytes);

constexpr std::uint64_t kOctal11Max = (std::uint64_t{1} << 33) - 1;  // eleven octal digits
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

template <std::size_t kSize>
void put_text(std::array<char, kSize>& field, std::string_view text) {
  std::copy_n(text.begin(), std::min(text.size(), kSize), field.begin());
}

// Octal digits, a NUL at the end.
template <std::size_t kSize>
void put_octal(std::array<char, kSize>& field, std::uint64_t number) {
  for (std::size_t i = kSize - 1; i-- > 0; number >>= 3) field[i] = static_cast<char>('0' + (number & 7));
}

void put_checksum(Ustar& header) {
  header.checksum.fill(' ');
  std::uint64_t sum = 0;
  for (const std::byte byte : std::as_bytes(std::span(&header, 1))) sum += std::to_integer<unsigned>(byte);
  std::array<char, 7> digits{};
  put_octal(digits, sum);
  put_text(header.checksum, std::string_view(digits.data(), digits.size()));  // six digits, NUL, space
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

struct UstarName {
  std::string_view prefix;
  std::string_view name;
};

// The path in the two fields that ustar has for it, joined by a slash that is not written.
std::optional<UstarName> split_name(std::string_view path) {
  const Ustar* const fields = nullptr;
  if (path.size() <= sizeof fields->name) return UstarName{{}, path};
  // Why size - 2: the slash at the end of a directory's path is part of the name.
  const std::size_t slash = path.rfind('/', std::min(sizeof fields->prefix, path.size() - 2));
  if (slash == std::string_view::npos || slash == 0 || path.size() - slash - 1 > sizeof fields->name) return {};
  return UstarName{path.substr(0, slash), path.substr(slash + 1)};
}

// ReplaceOnClose seconds and nanoseconds of a time's magnitude.
struct Magnitude {
  bool negative;
  std::uint64_t seconds;
  std::uint64_t nanoseconds;
};

Magnitude magnitude_of(TimeNs time) {
  const bool negative = raw(time) < 0;
  const auto bits = static_cast<std::uint64_t>(raw(time));
  const std::uint64_t total = negative ? 0 - bits : bits;
  return {negative, total / kNanosecondsPerSecond, total % kNanosecondsPerSecond};
}

bool fits_ustar(const Magnitude& time) {
  return !time.negative && time.nanoseconds == 0 && time.seconds <= kOctal11Max;
}

// "-1.5", "1700000000.000000001": decimal, as short as it can be.
std::string decimal(const Magnitude& time) {
  std::string text = (time.negative ? "-" : "") + std::to_string(time.seconds);
  if (time.nanoseconds == 0) return text;
  const std::string digits = std::to_string(time.nanoseconds);
  text += '.' + std::string(9 - digits.size(), '0') + digits;
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

// "27 path=sub/model.onnx\n". The length at the front counts itself.
void append_record(std::string& records, std::string_view key, std::string_view value) {
  const std::size_t rest = 1 + key.size() + 1 + value.size() + 1;
  std::size_t length = rest + 1;
  while (rest + std::to_string(length).size() != length) length = rest + std::to_string(length).size();
  records.append(std::to_string(length)).append(1, ' ').append(key).append(1, '=').append(value).append(1, '\n');
}

std::string tar_path(const SyntheticEntry& entry) {
  return entry.type == FileType::Directory ? std::string(entry.path) + '/' : std::string(entry.path);
}

std::string pax_records(const SyntheticEntry& entry, std::string_view path) {
  std::string records;
  if (!is_ascii(path) || !split_name(path)) append_record(records, "path", path);
  if (entry.target.size() > sizeof(Ustar::target) || !is_ascii(entry.target)) {
    append_record(records, "linkpath", entry.target);
  }
  if (entry.size_bytes > kOctal11Max) append_record(records, "size", std::to_string(entry.size_bytes));
  const Magnitude time = magnitude_of(entry.mtime);
  if (!fits_ustar(time)) append_record(records, "mtime", decimal(time));
  return records.append(entry.attributes);
}

char type_flag(const SyntheticEntry& entry) {
  if (entry.is_hard_link) return '1';
  switch (entry.type) {
    case FileType::Regular: return '0';
    case FileType::Symlink: return '2';
    case FileType::Directory: return '5';
  }
  return '0';  // unreachable for a valid FileType
}

Ustar blank_header() {
  Ustar header{};
  put_octal(header.uid, 0);
  put_octal(header.gid, 0);
  put_octal(header.mtime, 0);
  put_octal(header.device_major, 0);
  put_octal(header.device_minor, 0);
  put_text(header.magic, std::string_view("ustar\0", 6));
  put_text(header.version, "00");
  return header;
}

void append_header(std::string& out, Ustar& header) {
  put_checksum(header);
  out.append(text_of(std::as_bytes(std::span(&header, 1))));
}

void append_pax_header(std::string& out, std::string_view records) {
  Ustar header = blank_header();
  // Unpacked as a file by programs that do not know pax, so the name must be harmless. Python's tarfile writes it too.
  put_text(header.name, "././@PaxHeader");
  put_octal(header.mode, 0);
  put_octal(header.size, records.size());
  header.type = 'x';
  append_header(out, header);
  out.append(records).append(tar_padding_bytes(records.size()), '\0');
}

}  // namespace

void append_attribute(std::string& attributes, std::string_view name, std::string_view value) {
  append_record(attributes, "SCHILY.xattr." + std::string(name), value);
}

std::string tar_header(const SyntheticEntry& entry) {
  const std::string path = tar_path(entry);
  const std::string records = pax_records(entry, path);
  std::string out;
  if (!records.empty()) append_pax_header(out, records);

  Ustar header = blank_header();
  const UstarName name = split_name(path).value_or(UstarName{{}, path});  // cut off; the pax record has it whole
  put_text(header.prefix, name.prefix);
  put_text(header.name, name.name);
  put_text(header.target, entry.target);
  put_octal(header.mode, entry.mode);
  put_octal(header.size, entry.size_bytes > kOctal11Max ? 0 : entry.size_bytes);
  const Magnitude time = magnitude_of(entry.mtime);
  if (!time.negative && time.seconds <= kOctal11Max) put_octal(header.mtime, time.seconds);
  header.type = type_flag(entry);
  append_header(out, header);
  return out;
}

std::uint32_t tar_header_bytes(const SyntheticEntry& entry) {
  const std::size_t records = pax_records(entry, tar_path(entry)).size();
  const std::uint64_t pax = records == 0 ? 0 : kTarBlockBytes + records + tar_padding_bytes(records);
  return static_cast<std::uint32_t>(pax + kTarBlockBytes);
}

}  // namespace modelfs
