// Where the members of a zip are, by its central directory. Source: PKWARE, APPNOTE.TXT 6.3.10, section 4.3.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "archive/read/buffered_input.h"
#include "archive/zip_format.h"

namespace modelfs {

// Numbers in zips are little-endian. `bytes` has at least `at` + the number's bytes.
std::uint16_t zip_u16(ByteView bytes, std::size_t at);
std::uint32_t zip_u32(ByteView bytes, std::size_t at);
std::uint64_t zip_u64(ByteView bytes, std::size_t at);

// Says of a 32-bit field that its value is in the zip64 extra field.
inline constexpr std::uint32_t kZip64 = 0xffffffff;

struct ZipDirectory {
  std::uint64_t begin_bytes = 0;
  std::uint64_t end_bytes = 0;
  std::uint64_t entries = 0;
};

// By the end records, which have to lie at the end of an archive of `archive_bytes`, one behind the other, and to
// agree. Zeros may follow, as far as all readers look for an end record. Malformed: they do not, or there are two ways
// to find them, or the archive has several parts.
Result<ZipDirectory> find_zip_directory(ArchiveSource& source, std::uint64_t archive_bytes);

// What the central directory says of one member.
struct ZipEntry {
  std::string name;
  std::uint16_t made_by = 0;  // upper byte: the system
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint16_t dos_time = 0;
  std::uint16_t dos_date = 0;
  std::uint32_t crc = 0;
  std::uint32_t attributes = 0;
  std::uint64_t packed_bytes = 0;
  std::uint64_t unpacked_bytes = 0;
  std::uint64_t header_bytes = 0;       // where its local header begins
  std::optional<std::int32_t> mtime_s;  // of the extended timestamp
};

// The content of the extra field `id` in a header's extra fields; no value when there is none.
// Malformed: they are no row of fields, or the field is there twice.
Result<std::optional<ByteView>> find_zip_extra(ByteView extra, std::uint16_t id);

// The numbers of a header that a zip64 field may have instead, in its order: unpacked and packed bytes, and where the
// local header begins; then the part of the archive.
struct Zip64Numbers {
  std::array<std::uint64_t, 3> values{};
  std::uint32_t part = 0;
};

// Takes out of a zip64 field what `numbers` leave to it: those that are kZip64, and a part of 0xffff. What else the
// field has must be as the numbers are then, each in its place. False: the field does not fit.
bool take_zip64_field(ByteView field, Zip64Numbers& numbers);

// Walks the central directory. Used by one thread.
class ZipEntries {
 public:
  ZipEntries(ArchiveSource& source, const ZipDirectory& directory);

  // The next one; no value at the end. Malformed: the directory does not have as many entries as it says, or one
  // cannot be read or is of a kind that is not taken: encrypted, of another part, of a method but 0 and 8.
  Result<std::optional<ZipEntry>> next();

 private:
  BufferedInput input_;
  std::uint64_t left_;
};

}  // namespace modelfs
