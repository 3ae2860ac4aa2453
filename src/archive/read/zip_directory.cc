#include "archive/read/zip_directory.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "archive/read/member_validator.h"

namespace modelfs {
namespace {

constexpr std::uint16_t kExtraTimestamp = 0x5455;
constexpr std::uint16_t kExtraUnicodePath = 0x7075;

template <class Number>
Number little_endian(ByteView bytes, std::size_t at) {
  Number value = 0;
  for (std::size_t i = sizeof value; i-- > 0;) {
    value = static_cast<Number>(std::uint64_t{value} << 8 | static_cast<std::uint64_t>(bytes[at + i]));
  }
  return value;
}

Status malformed(std::string_view why) { return {Code::Malformed, "the zip " + std::string(why)}; }

bool is_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte each) { return each == std::byte{0}; });
}

// Where the end record begins in `tail`, the archive's last bytes. Zeros may follow it and its comment.
Result<std::size_t> find_end(ByteView tail) {
  std::optional<std::size_t> last, fitting;
  // Why no earlier: some readers look no further back than the longest comment reaches.
  const std::size_t from = tail.size() - std::min<std::size_t>(tail.size(), kZipEndBytes + kZipCommentBytesMax);
  for (std::size_t at = from; at + kZipEndBytes <= tail.size(); ++at) {
    if (tail[at] != std::byte{'P'} || zip_u32(tail, at) != kZipEndSignature) continue;
    last = at;
    const std::size_t end = at + kZipEndBytes + zip_u16(tail, at + 20);
    if (end > tail.size() || !is_zero(tail.subspan(end))) continue;
    if (fitting) return malformed("has two end records that both fit, one in the comment of the other");
    fitting = at;
  }
  if (!last) return Status(Code::Malformed, std::string(kTruncatedArchive) + ": the zip has no end record");
  // Why: some readers take the last signature there is, others ask whether the comment's length fits.
  if (fitting != last)
    return malformed("is truncated, or something follows its end record, or its comment holds another");
  return *last;
}

// Whether the 16- or 32-bit field of an end record says the same as the 64-bit one, or leaves it to that.
bool agrees(std::uint64_t narrow, std::uint64_t wide, std::uint64_t left_to_it) {
  return narrow == wide || narrow == left_to_it;
}

// The directory by the zip64 end record that `locator`, right before the end record `end`, leads to.
Result<ZipDirectory> read_end64(ArchiveSource& source, ByteView locator, std::uint64_t locator_offset, ByteView end) {
  const std::uint64_t offset = zip_u64(locator, 8);
  if (zip_u32(locator, 4) != 0 || zip_u32(locator, 16) > 1) return malformed("has several parts");
  if (locator_offset < kZip64EndBytes || offset != locator_offset - kZip64EndBytes) {
    return malformed("has a zip64 end record that is not where it belongs");
  }
  std::array<std::byte, kZip64EndBytes> record;
  const auto got = source.read_at(offset, record);
  if (!got.ok()) return got.status();
  if (*got != kZip64EndBytes || zip_u32(record, 0) != kZip64EndSignature || zip_u64(record, 4) != kZip64EndBytes - 12) {
    return malformed("has no zip64 end record where it says");
  }
  const std::uint64_t entries = zip_u64(record, 32), size = zip_u64(record, 40), begin = zip_u64(record, 48);
  if (zip_u32(record, 16) != 0 || zip_u32(record, 20) != 0 || zip_u64(record, 24) != entries) {
    return malformed("has several parts");
  }
  if (!agrees(zip_u16(end, 4), 0, 0xffff) || !agrees(zip_u16(end, 6), 0, 0xffff)) {
    return malformed("has several parts");
  }
  if (!agrees(zip_u16(end, 8), entries, 0xffff) || !agrees(zip_u16(end, 10), entries, 0xffff) ||
      !agrees(zip_u32(end, 12), size, kZip64) || !agrees(zip_u32(end, 16), begin, kZip64)) {
    return malformed("has two end records that contradict each other");
  }
  if (begin > offset || size != offset - begin)
    return malformed("has a directory that does not lie before its end record");
  return ZipDirectory{begin, offset, entries};
}

// "Deflate64 (9)". Source: PKWARE APPNOTE.TXT 6.3.10, section 4.4.5.
std::string describe_method(std::uint16_t method) {
  constexpr std::array<std::pair<std::uint16_t, std::string_view>, 8> kMethods = {{{1, "shrunk"},
                                                                                   {6, "imploded"},
                                                                                   {9, "Deflate64"},
                                                                                   {12, "bzip2"},
                                                                                   {14, "LZMA"},
                                                                                   {93, "zstd"},
                                                                                   {95, "xz"},
                                                                                   {98, "PPMd"}}};
  const auto known =
      std::find_if(kMethods.begin(), kMethods.end(), [&](const auto& each) { return each.first == method; });
  const std::string number = std::to_string(method);
  return known == kMethods.end() ? number : std::string(known->second) + " (" + number + ")";
}

Status check_flags(const ZipEntry& entry) {
  constexpr std::uint16_t kEncrypted = 1 << 0 | 1 << 6 | 1 << 13;
  constexpr std::uint16_t kKnown = 1 << 1 | 1 << 2 | kZipDescriptor | kZipUtf8;
  if ((entry.flags & kEncrypted) != 0)
    return refuse_member(entry.name, "it is encrypted; pack it again without a password");
  if ((entry.flags & ~kKnown) != 0) return refuse_member(entry.name, "it has flags that are not known");
  if (entry.method != 0 && entry.method != 8) {
    return refuse_member(entry.name, "its compression method is " + describe_method(entry.method) +
                                         ", only stored (0) and deflated (8) are read; unpack the zip, and pack it "
                                         "again with 'zip -r'");
  }
  return {};
}

// Sizes and place out of the zip64 field, as far as they are not in the entry itself.
Status take_zip64(ByteView extra, ByteView record, ZipEntry& entry) {
  const auto field = find_zip_extra(extra, kZip64Extra);
  if (!field.ok()) return refuse_member(entry.name, field.status().message());
  Zip64Numbers numbers{{zip_u32(record, 24), zip_u32(record, 20), zip_u32(record, 42)}, zip_u16(record, 34)};
  if (!take_zip64_field(field->value_or(ByteView()), numbers)) {
    return refuse_member(entry.name, "its zip64 field does not fit its header");
  }
  if (numbers.part != 0) return refuse_member(entry.name, "it is in another part of the archive");
  entry.unpacked_bytes = numbers.values[0];
  entry.packed_bytes = numbers.values[1];
  entry.header_bytes = numbers.values[2];
  return {};
}

Status take_extras(ByteView extra, ZipEntry& entry) {
  const auto timestamp = find_zip_extra(extra, kExtraTimestamp);
  if (!timestamp.ok()) return refuse_member(entry.name, timestamp.status().message());
  // Flag 1: the modification time is there. Source: Info-ZIP, proginfo/extrafld.txt, "extended timestamp".
  if (*timestamp && (*timestamp)->size() >= 5 && ((**timestamp)[0] & std::byte{1}) != std::byte{0}) {
    entry.mtime_s = static_cast<std::int32_t>(zip_u32(**timestamp, 1));
  }
  const auto path = find_zip_extra(extra, kExtraUnicodePath);
  if (!path.ok()) return refuse_member(entry.name, path.status().message());
  if (*path && ((*path)->size() < 5 || text_of((*path)->subspan(5)) != entry.name)) {
    return refuse_member(entry.name, "it has a second name, in an extra field");
  }
  return {};
}

}  // namespace

std::uint16_t zip_u16(ByteView bytes, std::size_t at) { return little_endian<std::uint16_t>(bytes, at); }
std::uint32_t zip_u32(ByteView bytes, std::size_t at) { return little_endian<std::uint32_t>(bytes, at); }
std::uint64_t zip_u64(ByteView bytes, std::size_t at) { return little_endian<std::uint64_t>(bytes, at); }

// Why twice: readers take the numbers that are asked for one after the other, and some writers give all of them (Go's
// archive/zip). Where the two differ there are two readings.
bool take_zip64_field(ByteView field, Zip64Numbers& numbers) {
  constexpr std::uint32_t kPartLeftToZip64 = 0xffff;
  ByteView left = field;
  for (std::uint64_t& value : numbers.values) {
    if (value != kZip64) continue;
    if (left.size() < 8) return false;
    value = zip_u64(left, 0);
    left = left.subspan(8);
  }
  if (numbers.part == kPartLeftToZip64) {
    if (left.size() < 4) return false;
    numbers.part = zip_u32(left, 0);
    left = left.subspan(4);
  }
  if (left.empty()) return true;
  left = field;
  for (const std::uint64_t value : numbers.values) {
    if (left.size() < 8) break;
    if (zip_u64(left, 0) != value) return false;
    left = left.subspan(8);
  }
  return left.empty() || (left.size() == 4 && field.size() == 28 && zip_u32(left, 0) == numbers.part);
}

Result<ZipDirectory> find_zip_directory(ArchiveSource& source, std::uint64_t archive_bytes) {
  const std::uint64_t tail_bytes =
      std::min<std::uint64_t>(archive_bytes, kZip64LocatorBytes + kZipEndBytes + kZipCommentBytesMax);
  std::vector<std::byte> tail(static_cast<std::size_t>(tail_bytes));
  const auto got = source.read_at(archive_bytes - tail_bytes, tail);
  if (!got.ok()) return got.status();
  if (*got != tail.size()) return malformed("has become shorter");
  const auto at = find_end(tail);
  if (!at.ok()) return at.status();
  const ByteView end = ByteView(tail).subspan(*at);
  const std::uint64_t end_offset = archive_bytes - tail_bytes + *at;
  if (*at >= kZip64LocatorBytes && zip_u32(tail, *at - kZip64LocatorBytes) == kZip64LocatorSignature) {
    return read_end64(source, ByteView(tail).subspan(*at - kZip64LocatorBytes), end_offset - kZip64LocatorBytes, end);
  }
  const std::uint64_t size = zip_u32(end, 12), begin = zip_u32(end, 16);
  if (zip_u16(end, 4) != 0 || zip_u16(end, 6) != 0 || zip_u16(end, 8) != zip_u16(end, 10)) {
    return malformed("has several parts");
  }
  if (begin > end_offset || size != end_offset - begin) {
    return malformed(
        "has a directory that does not lie before its end record: something was put before or between them");
  }
  return ZipDirectory{begin, end_offset, zip_u16(end, 10)};
}

Result<std::optional<ByteView>> find_zip_extra(ByteView extra, std::uint16_t id) {
  std::optional<ByteView> found;
  while (extra.size() >= 4) {
    const std::size_t size = zip_u16(extra, 2);
    if (size > extra.size() - 4) return malformed("has an extra field that is longer than its header");
    if (zip_u16(extra, 0) == id) {
      if (found) return malformed("has an extra field twice");
      found = extra.subspan(4, size);
    }
    extra = extra.subspan(4 + size);
  }
  // Up to three zeros are what aligning tools pad with.
  if (std::any_of(extra.begin(), extra.end(), [](std::byte each) { return each != std::byte{0}; })) {
    return malformed("has extra fields that do not end");
  }
  return found;
}

ZipEntries::ZipEntries(ArchiveSource& source, const ZipDirectory& directory)
    : input_(source), left_(directory.entries) {
  input_.narrow(directory.begin_bytes, directory.end_bytes);
}

Result<std::optional<ZipEntry>> ZipEntries::next() {
  auto bytes = input_.peek(kZipEntryBytes);
  if (!bytes.ok()) return bytes.status();
  if (bytes->empty() && left_ == 0) return std::optional<ZipEntry>();
  if (left_ == 0) return malformed("has more in its directory than entries");
  if (bytes->size() < kZipEntryBytes || zip_u32(*bytes, 0) != kZipEntrySignature)
    return malformed("has fewer entries than it says");
  const std::size_t name_bytes = zip_u16(*bytes, 28), extra_bytes = zip_u16(*bytes, 30);
  const std::size_t size = kZipEntryBytes + name_bytes + extra_bytes + zip_u16(*bytes, 32);
  bytes = input_.peek(size);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() < size) return malformed("has an entry that is longer than its directory");
  ZipEntry entry;
  entry.name = text_of(bytes->subspan(kZipEntryBytes, name_bytes));
  entry.made_by = zip_u16(*bytes, 4);
  entry.flags = zip_u16(*bytes, 8);
  entry.method = zip_u16(*bytes, 10);
  entry.dos_time = zip_u16(*bytes, 12);
  entry.dos_date = zip_u16(*bytes, 14);
  entry.crc = zip_u32(*bytes, 16);
  entry.attributes = zip_u32(*bytes, 38);
  const ByteView extra = bytes->subspan(kZipEntryBytes + name_bytes, extra_bytes);
  if (Status status = check_flags(entry); !status.ok()) return status;
  if (Status status = take_zip64(extra, bytes->first(kZipEntryBytes), entry); !status.ok()) return status;
  if (Status status = take_extras(extra, entry); !status.ok()) return status;
  input_.use(size);
  --left_;
  return std::optional<ZipEntry>(std::move(entry));
}

}  // namespace modelfs
