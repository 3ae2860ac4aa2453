// Archives that were cut off or changed somewhere: refused, or read as if nothing had happened.
#include <gtest/gtest.h>

#include "archive/building.h"
#include "archive/building_zip.h"
#include "archive/reading.h"

namespace modelfs {
namespace {

std::string sample_content() {
  std::string content(3000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * i * 7 >> 5);
  return content;
}

std::string sample_tar() {
  return tar_directory("d/") + tar_file("d/a", sample_content()) + tar_link('2', "s", "d/a") +
         tar_pax(pax_record("path", "größe")) + tar_file("x", "text") + tar_end();
}

std::string sample_zip() {
  ZipBuilder zip;
  zip.add({.name = "d/a", .content = sample_content(), .method = 8});
  zip.add({.name = "s", .content = "d/a", .attributes = 0120777u << 16});
  zip.add({.name = "b", .content = sample_content(), .flags = 8});
  return zip.bytes();
}

struct Sample {
  const char* name;
  ArchiveFormat format;
  std::string bytes;
  std::size_t spare_bytes = 0;  // at its end, without which it is whole
};

class DamageTest : public testing::TestWithParam<Sample> {};

TEST_P(DamageTest, TruncatedItIsRefusedWhereverItEnds) {
  const auto& [name, format, bytes, spare_bytes] = GetParam();
  ASSERT_TRUE(read_bytes(bytes, format).status.ok()) << read_bytes(bytes, format).status.str();

  for (std::size_t size = 0; size < bytes.size() - spare_bytes; ++size) {
    const bool at_a_block = (size + 1) % 512 <= 2;
    if (size > 200 && bytes.size() - size > 200 && !at_a_block && size % 37 != 0) continue;
    EXPECT_FALSE(read_bytes(bytes.substr(0, size), format).status.ok()) << size << " of " << bytes.size();
  }
}

TEST_P(DamageTest, WithABitFlippedItIsRefusedOrTheSameTree) {
  const auto& [name, format, bytes, spare_bytes] = GetParam();
  const auto tree = read_bytes(bytes, format).tree;
  // A tar's content is under no checksum, and neither are a zip's attributes and times: they only may not do harm.
  const bool summed = format == ArchiveFormat::TarGz || format == ArchiveFormat::TarZst;

  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const Reading reading = read_bytes(flipped(bytes, bit / 8, 1 << (bit % 8)), format);
    EXPECT_NE(reading.status.code(), Code::Internal) << "bit " << bit;
    if (reading.status.ok() && summed) {
      EXPECT_EQ(reading.tree, tree) << "bit " << bit;
    }
    if (!reading.status.ok() || summed) continue;
    for (const auto& [path, member] : reading.tree) {
      if (format != ArchiveFormat::Zip || !tree.contains(path)) continue;
      EXPECT_EQ(member.content + member.target, tree.at(path).content + tree.at(path).target) << "bit " << bit;
    }
  }
}

TEST_P(DamageTest, AppendedToItselfItIsRefused) {
  const auto& [name, format, bytes, spare_bytes] = GetParam();

  EXPECT_EQ(read_bytes(bytes + bytes, format).status.code(), Code::Malformed);
}

INSTANTIATE_TEST_SUITE_P(, DamageTest,
                         testing::Values(Sample{"Tar", ArchiveFormat::Tar, sample_tar(), 512},
                                         Sample{"Gzip", ArchiveFormat::TarGz, gzipped(sample_tar())},
                                         Sample{"Zstd", ArchiveFormat::TarZst, zstandard(sample_tar())},
                                         Sample{"Zip", ArchiveFormat::Zip, sample_zip()}),
                         [](const auto& sample) { return std::string(sample.param.name); });

}  // namespace
}  // namespace modelfs
