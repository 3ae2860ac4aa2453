// libFuzzer target: reads any bytes as an archive. The first byte selects the format: 0 tar, 1 tar.gz, 2 tar.zst, 3
// zip; with 4 added to 1 or 2 the rest is a tar that is packed first, so that what lies behind a checksum is reached
// too. Built and run by scripts/fuzz.sh.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "archive/building.h"
#include "archive/reading.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace modelfs {
namespace {

// Small, so that an input is read fast, and so that limits are met.
ArchiveLimits small_limits() {
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

void read_one(std::uint8_t selector, std::string_view bytes) {
  static constexpr ArchiveFormat kFormats[] = {ArchiveFormat::Tar, ArchiveFormat::TarGz, ArchiveFormat::TarZst,
                                               ArchiveFormat::Zip};
  const ArchiveFormat format = kFormats[selector & 3];
  std::string packed;
  if ((selector & 4) != 0 && format == ArchiveFormat::TarGz) bytes = packed = gzipped(bytes, 1);
  if ((selector & 4) != 0 && format == ArchiveFormat::TarZst) bytes = packed = zstandard(bytes);
  const Reading reading = read_bytes(bytes, format, small_limits());
  // Internal is a bug of ours, by the sink's promises or by an exception.
  if (reading.status.code() == Code::Internal || reading.status.code() == Code::IoError) {
    std::fprintf(stderr, "%s\n", reading.status.str().c_str());
    std::abort();
  }
}

// Makes the checksums of a tar's headers fit again, else nearly every mutation ends at the first.
void mend_checksums(std::uint8_t* data, std::size_t size) {
  for (std::size_t at = 0; at + 512 <= size;) {
    std::uint8_t* const header = data + at;
    std::memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i) sum += header[i];
    if (sum == 8 * ' ') {
      std::memset(header + 148, 0, 8);
      at += 512;
      continue;
    }
    const std::string text = octal(sum, 6) + '\0';
    std::memcpy(header + 148, text.data(), text.size());
    const std::string number(reinterpret_cast<const char*>(header + 124), 11);
    const std::size_t content = std::strtoull(number.c_str(), nullptr, 8);
    at += 512;
    if (content <= size - at) at += (content + 511) / 512 * 512;
  }
}

}  // namespace
}  // namespace modelfs

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  modelfs::read_one(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  const std::size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  const bool is_tar = mutated > 1 && ((data[0] & 3) == 0 || ((data[0] & 4) != 0 && (data[0] & 3) != 3));
  if (is_tar && seed % 8 != 0) modelfs::mend_checksums(data + 1, mutated - 1);
  return mutated;
}
