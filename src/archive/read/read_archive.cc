#include "archive/read/read_archive.h"

#include <array>
#include <exception>

#include "archive/read/decompression_thread.h"
#include "archive/read/decompressor.h"
#include "archive/read/member_validator.h"
#include "archive/read/tar_reader.h"
#include "archive/read/tar_validator.h"
#include "archive/read/zip_reader.h"

namespace modelfs {
namespace {

std::unique_ptr<Decompressor> unpacker_of(ArchiveSource& source, ArchiveFormat format) {
  if (format == ArchiveFormat::TarGz) return unpack_gzip(source);
  if (format == ArchiveFormat::TarZst) return unpack_zstd(source);
  return unpack_nothing(source);
}

Status read_any(ArchiveSource& source, ArchiveFormat format, const ArchiveLimits& limits, ArchiveSink& sink) {
  std::array<std::byte, kArchiveStartBytes> start;
  const auto got = source.read_at(0, start);
  if (!got.ok()) return got.status();
  if (Status status = check_archive_start(ByteView(start).first(*got), format); !status.ok()) return status;
  MemberValidator judge(limits, sink);
  if (format == ArchiveFormat::Zip) return read_zip(source, limits, judge);
  DecompressionThread stream(unpacker_of(source, format), source, limits);
  return read_tar(stream, limits, judge);
}

// Bytes 0…3 as a big-endian number; 0 when there are fewer.
std::uint32_t first_word(ByteView start) {
  if (start.size() < 4) return 0;
  std::uint32_t word = 0;
  for (const std::byte each : start.first(4)) word = word << 8 | static_cast<std::uint32_t>(each);
  return word;
}

}  // namespace

Status read_archive(ArchiveSource& source, ArchiveFormat format, const ArchiveLimits& limits, ArchiveSink& sink) {
  try {
    return read_any(source, format, limits, sink);
  } catch (const std::exception& failure) {
    return {Code::Internal, std::string("reading the archive failed: ") + failure.what()};
  }
}

bool is_incomplete_archive(const Status& status) {
  return status.code() == Code::Malformed && status.message().find(kTruncatedArchive) != std::string::npos;
}

std::optional<ArchiveFormat> recognise_archive(ByteView start) {
  const std::uint32_t word = first_word(start);
  if (word >> 16 == 0x1f8b) return ArchiveFormat::TarGz;
  // A frame of zstd, or one of the sixteen kinds that are to be skipped.
  if (word == 0x28b52ffd || (word & 0xf0ffffff) == 0x502a4d18) return ArchiveFormat::TarZst;
  // A member, or the end of an empty one.
  if (word == 0x504b0304 || word == 0x504b0506) return ArchiveFormat::Zip;
  if (start.size() >= kArchiveStartBytes && is_tar_block(start.first(kArchiveStartBytes))) return ArchiveFormat::Tar;
  return std::nullopt;
}

Status check_archive_start(ByteView start, ArchiveFormat named) {
  const auto found = recognise_archive(start);
  if (found == named) return {};
  if (start.empty()) return {Code::Malformed, "the archive is empty"};
  const std::string is = found ? "a " + std::string(describe_format(*found)) : "of no known format";
  return {Code::Malformed, "the name says " + std::string(describe_format(named)) + ", but the content is " + is};
}

}  // namespace modelfs
