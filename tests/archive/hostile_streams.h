// Compressed tars that have to be refused for what is around the tar, and archives that meet a limit.
#pragma once
#include "archive/building.h"
#include "archive/building_zip.h"
#include "archive/hostile_archives.h"

namespace modelfs {

inline HostileArchive limited(std::string name, ArchiveFormat format, std::string bytes, std::string word,
                              const ArchiveLimits& limits) {
  return {std::move(name), format, std::move(bytes), Code::TooLarge, std::move(word), limits};
}

// A bomb of `size` bytes of zeros in one file.
inline std::string bomb_tar(std::size_t size) { return tar_file("bomb", std::string(size, '\0')) + tar_end(); }

// The same of one pattern.
inline std::string pattern_bomb_tar(std::size_t size) { return tar_file("bomb", std::string(size, 'x')) + tar_end(); }

inline std::vector<HostileArchive> hostile_limits() {
  ArchiveLimits few, small, flat, filled, terse;
  few.members = 10;
  small.unpacked_bytes = 1 << 18;
  flat.ratio = 100;
  flat.ratio_floor_bytes = 1 << 18;
  filled.ratio = 1'000'000;
  filled.filled_ratio = 100;
  filled.ratio_floor_bytes = 1 << 18;
  terse.text_bytes = 1000;
  std::string flood, deep, wordy, empties;
  for (int i = 0; i < 11; ++i) flood += tar_file("f" + std::to_string(i));
  for (int i = 0; i < 11; ++i) deep += "d/";
  for (int i = 0; i < 11; ++i) wordy += tar_link('2', "s" + std::to_string(i), std::string(100, 't'));
  for (int i = 0; i < 2000; ++i) empties += tar_file("f" + std::to_string(i));
  const std::string hole = tar_pax(pax_record("GNU.sparse.name", "a") + pax_record("GNU.sparse.size", "1073741824") +
                                   pax_record("GNU.sparse.numblocks", "1") + pax_record("GNU.sparse.map", "0,1")) +
                           tar_file("a", "x") + tar_end();
  ZipBuilder zips, layers, patterns;
  patterns.add({.name = "0.bin", .content = std::string(1 << 20, 'x'), .method = 8});
  for (int i = 0; i < 11; ++i) zips.add({.name = "f" + std::to_string(i)});
  layers.add({.name = "0.bin", .content = std::string(1 << 19, '\0'), .method = 8});
  layers.add({.name = "1.bin", .content = std::string(1 << 19, '\0'), .method = 8});
  return {
      limited("FloodOfMembers", ArchiveFormat::Tar, flood + tar_end(), "members", few),
      limited("FloodOfImpliedDirectories", ArchiveFormat::Tar, tar_file(deep + "f") + tar_end(), "members", few),
      limited("FloodOfMembersInGzip", ArchiveFormat::TarGz, gzipped(empties + tar_end()), "members", few),
      limited("FloodOfMembersInAZip", ArchiveFormat::Zip, zips.bytes(), "members", few),
      limited("FloodOfText", ArchiveFormat::Tar, wordy + tar_end(), "names", terse),
      limited("TooManyBytes", ArchiveFormat::Tar, bomb_tar(1 << 19), "bytes", small),
      limited("TooManyBytesInGzip", ArchiveFormat::TarGz, gzipped(bomb_tar(1 << 19)), "bytes", small),
      limited("TooManyZerosBehindTheEnd", ArchiveFormat::TarGz, gzipped(tar_file("a") + std::string(1 << 19, '\0')),
              "bytes", small),
      limited("GzipBomb", ArchiveFormat::TarGz, gzipped(bomb_tar(1 << 20), 9), "times", flat),
      limited("ZstdBomb", ArchiveFormat::TarZst, zstandard(bomb_tar(1 << 20)), "times", flat),
      limited("GzipBombOfAPattern", ArchiveFormat::TarGz, gzipped(pattern_bomb_tar(1 << 20), 9), "even without",
              filled),
      limited("ZstdBombOfAPattern", ArchiveFormat::TarZst, zstandard(pattern_bomb_tar(1 << 20)), "even without",
              filled),
      limited("ZipBombOfAPattern", ArchiveFormat::Zip, patterns.bytes(), "even without", filled),
      limited("HoleOfAGibibyte", ArchiveFormat::Tar, hole, "times", flat),
      limited("HoleOfAGibibyteByTheDefaultLimits", ArchiveFormat::Tar, hole, "times", {}),
      limited("HoleOverTheBytes", ArchiveFormat::Tar, hole, "bytes", small),
      limited("ZipBomb", ArchiveFormat::Zip, layers.bytes(), "times", flat),
      limited("ZipWithTooManyBytes", ArchiveFormat::Zip, layers.bytes(), "bytes", small),
  };
}

inline std::vector<HostileArchive> hostile_streams() {
  using enum ArchiveFormat;
  const std::string tar = tar_file("a", "some text, some more text") + tar_end();
  const std::string gz = gzipped(tar), zst = zstandard(tar), zip = zip_of({.name = "a", .content = "x"});
  std::string dictionary = zst;  // a frame header that asks for a dictionary: descriptor, window, id
  dictionary[4] = static_cast<char>(dictionary[4] | 1);
  dictionary.insert(6, "\x07");
  std::vector<HostileArchive> all = {
      {"Nothing", Tar, "", Code::Malformed, "empty"},
      {"NothingAsGzip", TarGz, "", Code::Malformed, "empty"},
      {"NothingAsZip", Zip, "", Code::Malformed, "empty"},
      {"TextAsTar", Tar, std::string(2000, 't'), Code::Malformed, "no known format"},
      {"GzipNamedTar", Tar, gz, Code::Malformed, "the content is a gzip-compressed tar"},
      {"TarNamedGzip", TarGz, tar, Code::Malformed, "the content is a tar"},
      {"ZipNamedGzip", TarGz, zip, Code::Malformed, "the content is a zip"},
      {"ZstdNamedZip", Zip, zst, Code::Malformed, "the content is a zstd-compressed tar"},
      {"GzipWithAWrongChecksum", TarGz, flipped(gz, gz.size() - 8), Code::Malformed, "incorrect data check"},
      {"GzipWithAWrongSize", TarGz, flipped(gz, gz.size() - 4), Code::Malformed, "incorrect length check"},
      {"GzipOfAnUnknownMethod", TarGz, flipped(gz, 2), Code::Malformed, "gzip"},
      {"GzipWithReservedFlags", TarGz, flipped(gz, 3, 0x80), Code::Malformed, "gzip"},
      {"GzipWithoutItsTrailer", TarGz, gz.substr(0, gz.size() - 8), Code::Malformed, "truncated"},
      {"GzipHeaderOnly", TarGz, gz.substr(0, 10), Code::Malformed, "truncated"},
      {"TextBehindGzip", TarGz, gz + "text", Code::Malformed, "follows"},
      {"TextFarBehindGzip", TarGz, gz + std::string(1 << 20, '\0') + "x", Code::Malformed, "follows"},
      {"TwoTarsInTwoGzipMembers", TarGz, gz + gz, Code::Malformed, "second archive"},
      {"GzipMemberWithTextBehindTheTar", TarGz, gz + gzipped("text"), Code::Malformed, "second archive"},
      {"GzipInsideOfGzip", TarGz, gzipped(gz), Code::Malformed, "tar"},
      {"GzipOfNothing", TarGz, gzipped(""), Code::Malformed, "truncated"},
      {"GzipOfText", TarGz, gzipped(std::string(3000, 't')), Code::Malformed, "tar"},
      {"ZstdWithAWrongChecksum", TarZst, flipped(zst, zst.size() - 1), Code::Malformed, "checksum"},
      {"ZstdWithoutItsChecksum", TarZst, zst.substr(0, zst.size() - 4), Code::Malformed, "truncated"},
      {"ZstdWithAWindowOf256MiB", TarZst, zstandard(tar + std::string(1 << 20, '\0'), 28), Code::Malformed, "--long"},
      {"ZstdWithADictionary", TarZst, dictionary, Code::Malformed, "ictionary"},
      {"TextBehindZstd", TarZst, zst + "text", Code::Malformed, "follows"},
      {"TwoTarsInTwoZstdFrames", TarZst, zst + zst, Code::Malformed, "second archive"},
      {"OldZstdFrameBehindANewOne", TarZst, zst + "\x27\xb5\x2f\xfd", Code::Malformed, "follows"},
      {"OnlyASkippedZstdFrame", TarZst, "\x50\x2a\x4d\x18" + little(4, 4) + "text", Code::Malformed, "truncated"},
  };
  for (HostileArchive& each : hostile_limits()) all.push_back(std::move(each));
  return all;
}

}  // namespace modelfs
