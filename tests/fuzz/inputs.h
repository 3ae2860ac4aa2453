// What the fuzz targets have in common: limits, the packing of an input, and a mutator that knows tars. The first byte
// of an input selects the format: 0 tar, 1 tar.gz, 2 tar.zst, 3 zip; with 4 added to 1 or 2 the rest is a tar that is
// packed first, so that what lies behind a checksum is reached too. Included by one source file of each target.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <string>

#include "archive/building.h"
#include "archive/read/read_archive.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace modelfs {

// Small, so that an input is read fast, and so that limits are met.
inline ArchiveLimits small_limits() {
  ArchiveLimits limits;
  limits.members = 200;
  limits.unpacked_bytes = 4 << 20;
  limits.ratio = 200;
  limits.ratio_floor_bytes = 1 << 20;
  limits.path_bytes = 600;
  limits.depth = 12;
  limits.text_bytes = 20'000;
  return limits;
}

struct FuzzInput {
  ArchiveFormat format = ArchiveFormat::Tar;
  std::string bytes;
};

inline FuzzInput input_of(const std::uint8_t* data, std::size_t size) {
  static constexpr ArchiveFormat kFormats[] = {ArchiveFormat::Tar, ArchiveFormat::TarGz, ArchiveFormat::TarZst,
                                               ArchiveFormat::Zip};
  const std::uint8_t selector = data[0];
  FuzzInput input{kFormats[selector & 3], std::string(reinterpret_cast<const char*>(data) + 1, size - 1)};
  if ((selector & 4) != 0 && input.format == ArchiveFormat::TarGz) input.bytes = gzipped(input.bytes, 1);
  if ((selector & 4) != 0 && input.format == ArchiveFormat::TarZst) input.bytes = zstandard(input.bytes);
  return input;
}

// Internal and IoError are bugs of ours, by the promises of what is called, or by an exception.
inline void refuse_own_errors(const Status& status) {
  if (status.code() != Code::Internal && status.code() != Code::IoError) return;
  std::fprintf(stderr, "%s\n", status.str().c_str());
  std::abort();
}

// Makes the checksums of a tar's headers fit again, else nearly every mutation ends at the first.
inline void mend_checksums(std::uint8_t* data, std::size_t size) {
  for (std::size_t at = 0; at + 512 <= size;) {
    std::uint8_t* const header = data + at;
    std::memset(header + 148, ' ', 8);
    unsigned hash = 0;
    for (std::size_t i = 0; i < 512; ++i) hash += header[i];
    if (hash == 8 * ' ') {
      std::memset(header + 148, 0, 8);
      at += 512;
      continue;
    }
    const std::string text = octal(hash, 6) + '\0';
    std::memcpy(header + 148, text.data(), text.size());
    const std::string number(reinterpret_cast<const char*>(header + 124), 11);
    const std::size_t content = std::strtoull(number.c_str(), nullptr, 8);
    at += 512;
    if (content <= size - at) at += (content + 511) / 512 * 512;
  }
}

}  // namespace modelfs

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  const std::size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  const bool is_tar = mutated > 1 && ((data[0] & 3) == 0 || ((data[0] & 4) != 0 && (data[0] & 3) != 3));
  if (is_tar && seed % 8 != 0) modelfs::mend_checksums(data + 1, mutated - 1);
  return mutated;
}
