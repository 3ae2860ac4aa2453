#include "archive/archive_format.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

TEST(ArchiveFormatTest, EverySuffixOfAnArchiveNamesItsFormat) {
  EXPECT_EQ(format_of_suffix(".tar"), ArchiveFormat::Tar);
  EXPECT_EQ(format_of_suffix(".tar.gz"), ArchiveFormat::TarGz);
  EXPECT_EQ(format_of_suffix(".tgz"), ArchiveFormat::TarGz);
  EXPECT_EQ(format_of_suffix(".tar.zst"), ArchiveFormat::TarZst);
  EXPECT_EQ(format_of_suffix(".zip"), ArchiveFormat::Zip);
  EXPECT_EQ(format_of_suffix(".4ml"), ArchiveFormat::Zip);
}

TEST(ArchiveFormatTest, OtherSuffixesNameNone) {
  EXPECT_EQ(format_of_suffix(".json"), std::nullopt);
  EXPECT_EQ(format_of_suffix(".gz"), std::nullopt);
  EXPECT_EQ(format_of_suffix(""), std::nullopt);
}

}  // namespace
}  // namespace modelfs
