#include "archive/write/zip_records.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "archive/zip_format.h"

namespace modelfs {
namespace {

constexpr std::uint64_t kMax16 = 0xffff;      // as the value of a field: "see zip64"
constexpr std::uint64_t kMax32 = 0xffffffff;  // likewise

constexpr std::uint32_t kExtraHeaderBytes = 4;
constexpr std::uint32_t kTimeExtraBytes = kExtraHeaderBytes + 5;

constexpr std::uint16_t kVersionStored = 10;
constexpr std::uint16_t kVersionDirectory = 20;
constexpr std::uint16_t kVersionZip64 = 45;
constexpr std::uint16_t kMadeByUnix = 3 << 8 | kVersionZip64;
constexpr std::uint16_t kMethodStored = 0;
constexpr std::uint32_t kDosDirectory = 0x10;

// Little-endian fields, one after another.
class Record {
 public:
  Record& u16(std::uint64_t number) { return bytes(number, 2); }
  Record& u32(std::uint64_t number) { return bytes(number, 4); }
  Record& u64(std::uint64_t number) { return bytes(number, 8); }
  Record& u8(std::uint64_t number) { return bytes(number, 1); }
  Record& text(std::string_view text) {
    out_ += text;
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  Record& bytes(std::uint64_t number, unsigned count) {
    for (; count > 0; --count, number >>= 8) out_ += static_cast<char>(static_cast<unsigned char>(number));
    return *this;
  }
  std::string out_;
};

std::int64_t seconds_of(TimeNs time) {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::nanoseconds(raw(time))).count();
}

// Date in the upper, time in the lower half.
std::uint32_t dos_time(TimeNs time) {
  namespace chrono = std::chrono;
  constexpr chrono::sys_seconds kFirst = chrono::sys_days(chrono::year(1980) / 1 / 1);
  constexpr chrono::sys_seconds kLast = chrono::sys_days(chrono::year(2108) / 1 / 1) - chrono::seconds(2);
  const chrono::sys_seconds exact{chrono::seconds(seconds_of(time))};
  const chrono::sys_seconds moment = std::clamp(exact, kFirst, kLast);
  const auto day = chrono::floor<chrono::days>(moment);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(moment - day);
  const std::uint32_t date_bits = static_cast<std::uint32_t>(static_cast<int>(date.year()) - 1980) << 9 |
                                  static_cast<unsigned>(date.month()) << 5 | static_cast<unsigned>(date.day());
  const auto clock_bits = static_cast<std::uint32_t>(clock.hours().count() << 11 | clock.minutes().count() << 5 |
                                                     clock.seconds().count() / 2);
  return date_bits << 16 | clock_bits;
}

// Why not before 1970: the field is read as signed by some programs and as unsigned by others.
bool has_time_extra(const SyntheticEntry& entry) {
  const std::int64_t seconds = seconds_of(entry.mtime);
  return seconds >= 0 && seconds <= static_cast<std::int64_t>(kMax32);
}

bool needs_zip64(const SyntheticEntry& entry) { return entry.size_bytes >= kMax32; }

std::uint16_t version_needed(const SyntheticEntry& entry, bool zip64) {
  if (zip64) return kVersionZip64;
  return entry.type == FileType::Directory ? kVersionDirectory : kVersionStored;
}

std::uint32_t name_bytes(const SyntheticEntry& entry) {
  return static_cast<std::uint32_t>(entry.path.size()) + (entry.type == FileType::Directory ? 1 : 0);
}

std::string name_of(const SyntheticEntry& entry) {
  return entry.type == FileType::Directory ? std::string(entry.path) + '/' : std::string(entry.path);
}

// Length of the zip64 extra field with `count` numbers.
std::uint32_t zip64_extra_bytes(std::uint32_t count) { return count == 0 ? 0 : kExtraHeaderBytes + 8 * count; }

std::uint32_t local_extra_bytes(const SyntheticEntry& entry) {
  return (has_time_extra(entry) ? kTimeExtraBytes : 0) + zip64_extra_bytes(needs_zip64(entry) ? 2 : 0);
}

std::uint32_t central_extra_bytes(const SyntheticEntry& entry, std::uint64_t offset_bytes) {
  const std::uint32_t numbers = (needs_zip64(entry) ? 2 : 0) + (offset_bytes >= kMax32 ? 1 : 0);
  return (has_time_extra(entry) ? kTimeExtraBytes : 0) + zip64_extra_bytes(numbers);
}

void append_time_extra(Record& record, const SyntheticEntry& entry) {
  if (!has_time_extra(entry)) return;
  record.u16(0x5455).u16(5).u8(1).u32(static_cast<std::uint64_t>(seconds_of(entry.mtime)));  // 1: only mtime
}

// The part that local and central header share: from the version needed to the length of the extra field.
void append_common(Record& record, const SyntheticEntry& entry, bool zip64, std::uint32_t extra_bytes) {
  const std::uint64_t size_bytes = std::min(entry.size_bytes, kMax32);
  record.u16(version_needed(entry, zip64)).u16(kZipUtf8).u16(kMethodStored);
  record.u32(dos_time(entry.mtime)).u32(entry.crc32).u32(size_bytes).u32(size_bytes);
  record.u16(name_bytes(entry)).u16(extra_bytes);
}

std::uint32_t unix_mode(const SyntheticEntry& entry) {
  switch (entry.type) {
    case FileType::Regular: return S_IFREG | entry.mode;
    case FileType::Directory: return S_IFDIR | entry.mode;
    case FileType::Symlink: return S_IFLNK | entry.mode;
  }
  return entry.mode;  // unreachable for a valid FileType
}

bool needs_zip64(const SyntheticDirectory& directory) {
  return directory.entry_count >= kMax16 || directory.offset_bytes >= kMax32 || directory.size_bytes >= kMax32;
}

void append_zip64_end(Record& record, const SyntheticDirectory& directory) {
  record.u32(kZip64EndSignature).u64(kZip64EndBytes - 12).u16(kMadeByUnix).u16(kVersionZip64);
  record.u32(0).u32(0).u64(directory.entry_count).u64(directory.entry_count);
  record.u64(directory.size_bytes).u64(directory.offset_bytes);
  record.u32(kZip64LocatorSignature).u32(0).u64(directory.offset_bytes + directory.size_bytes).u32(1);
}

}  // namespace

std::string zip_local_header(const SyntheticEntry& entry) {
  const bool zip64 = needs_zip64(entry);
  Record record;
  record.u32(kZipLocalSignature);
  append_common(record, entry, zip64, local_extra_bytes(entry));
  record.text(name_of(entry));
  if (zip64) record.u16(kZip64Extra).u16(16).u64(entry.size_bytes).u64(entry.size_bytes);
  append_time_extra(record, entry);
  return record.take();
}

std::string zip_central_header(const SyntheticEntry& entry, std::uint64_t offset_bytes) {
  const bool zip64_offset = offset_bytes >= kMax32;
  const bool zip64 = needs_zip64(entry) || zip64_offset;
  const std::uint32_t dos_attributes = entry.type == FileType::Directory ? kDosDirectory : 0;
  Record record;
  record.u32(kZipEntrySignature).u16(kMadeByUnix);
  append_common(record, entry, zip64, central_extra_bytes(entry, offset_bytes));
  record.u16(0).u16(0).u16(0);  // comment, disk, internal attributes
  record.u32(std::uint64_t{unix_mode(entry)} << 16 | dos_attributes).u32(std::min(offset_bytes, kMax32));
  record.text(name_of(entry));
  if (zip64) record.u16(kZip64Extra).u16((needs_zip64(entry) ? 16 : 0) + (zip64_offset ? 8 : 0));
  if (needs_zip64(entry)) record.u64(entry.size_bytes).u64(entry.size_bytes);
  if (zip64_offset) record.u64(offset_bytes);
  append_time_extra(record, entry);
  return record.take();
}

std::uint32_t zip_local_header_bytes(const SyntheticEntry& entry) {
  return kZipLocalBytes + name_bytes(entry) + local_extra_bytes(entry);
}

std::uint32_t zip_central_header_bytes(const SyntheticEntry& entry, std::uint64_t offset_bytes) {
  return kZipEntryBytes + name_bytes(entry) + central_extra_bytes(entry, offset_bytes);
}

std::string zip_end(const SyntheticDirectory& directory) {
  Record record;
  if (needs_zip64(directory)) append_zip64_end(record, directory);
  const std::uint64_t count = std::min(directory.entry_count, kMax16);
  record.u32(kZipEndSignature).u16(0).u16(0).u16(count).u16(count);
  record.u32(std::min(directory.size_bytes, kMax32)).u32(std::min(directory.offset_bytes, kMax32)).u16(0);
  return record.take();
}

std::uint32_t zip_end_bytes(const SyntheticDirectory& directory) {
  return kZipEndBytes + (needs_zip64(directory) ? kZip64EndBytes + kZip64LocatorBytes : 0);
}

}  // namespace modelfs
