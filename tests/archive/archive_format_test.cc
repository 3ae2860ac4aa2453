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

TEST(ArchiveFormatTest, NamesOfArchivesThatAreNotTakenSayWhy) {
  for (const char* const name : {"1.0.tar.xz", "1.0.txz", "1.0.tar.bz2", "1.0.TBZ2", "m.tar.lz4", "m.tar.Z", "m.7z",
                                 "m.rar", "m.TAR.GZ", "m.tar.Gz", "m.TAR", "m.Tgz", "m.ZIP", "m.4ML", "m.tar.ZST"}) {
    EXPECT_NE(why_not_taken(name), "") << name;
  }
  for (const char* const name : {"m.tar", "m.tar.gz", "m.tgz", "m.tar.zst", "m.zip", "m.4ml", "m.TAR.tar.gz",
                                 "config.pbtxt", "README.md", "model.gz", "1.0", "xz", "m.tar.gz.part"}) {
    EXPECT_EQ(why_not_taken(name), "") << name;
  }
}

}  // namespace
}  // namespace modelfs
