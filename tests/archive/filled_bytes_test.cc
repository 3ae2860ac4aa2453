// How much may come out of an archive beside zeros.
#include <gtest/gtest.h>

#include <string>

#include "archive/building.h"
#include "archive/read/member_validator.h"
#include "archive/reading.h"

namespace modelfs {
namespace {

constexpr std::size_t kBlock = 4096;

ArchiveLimits limits_with(std::uint64_t filled_ratio, std::uint64_t floor_bytes) {
  ArchiveLimits limits;
  limits.filled_ratio = filled_ratio;
  limits.ratio_floor_bytes = floor_bytes;
  return limits;
}

TEST(FilledBytes, AreRefusedBeyondTheirRatio) {
  const ArchiveLimits limits = limits_with(500, 0);
  const std::string most(500 * 10 + 499, 'x');
  FilledBytes at_limit(limits);
  FilledBytes beyond(limits);

  EXPECT_TRUE(at_limit.add(bytes_of(most), 10).ok());
  EXPECT_EQ(beyond.add(bytes_of(most + "x"), 10).code(), Code::TooLarge);
}

TEST(FilledBytes, AreJudgedAboveAFloor) {
  const ArchiveLimits limits = limits_with(500, 100'000);
  FilledBytes bytes(limits);

  EXPECT_TRUE(bytes.add(bytes_of(std::string(100'000, 'x')), 1).ok());
  EXPECT_EQ(bytes.add(bytes_of("x"), 1).code(), Code::TooLarge);
}

TEST(FilledBytes, AreThoseOfABlockThatIsNotAllZeros) {
  const ArchiveLimits limits = limits_with(1, kBlock);
  const std::string zeros(kBlock, '\0');
  std::string last = zeros;
  last.back() = 1;
  std::string first = zeros;
  first.front() = 1;
  for (const std::string& filled : {last, first, std::string(kBlock, 'x')}) {
    FilledBytes bytes(limits);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(bytes.add(bytes_of(zeros + std::string(100, '\0')), 0).ok());
    EXPECT_TRUE(bytes.add(bytes_of(filled), 0).ok());
    EXPECT_EQ(bytes.add(bytes_of(filled), 0).code(), Code::TooLarge);
  }
}

TEST(FilledBytes, OfPatternsAreABombWhereAsManyZerosAreNot) {
  ArchiveLimits limits;
  limits.ratio_floor_bytes = 1 << 20;
  const auto code_of = [&](char byte) {
    const std::string archive = gzipped(tar_file("weights", std::string(8 << 20, byte)) + tar_end(), 9);
    MemorySource source(archive, true);
    RecordingSink sink;
    return read_archive(source, ArchiveFormat::TarGz, limits, sink).code();
  };
  EXPECT_EQ(code_of('\0'), Code::Ok);
  EXPECT_EQ(code_of('x'), Code::TooLarge);
}

}  // namespace
}  // namespace modelfs
