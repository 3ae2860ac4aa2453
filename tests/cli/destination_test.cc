#include "cli/destination.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temporary_directory.h"

namespace modelfs {
namespace {

class ArchiveNames : public testing::TestWithParam<const char*> {};

TEST_P(ArchiveNames, AskForAnArchive) {
  const auto found = destination_of(GetParam());

  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(*found, Destination::Archive);
}

INSTANTIATE_TEST_SUITE_P(, ArchiveNames,
                         testing::Values("out.tar", "out.tar.gz", "out.tgz", "out.tar.zst", "out.zip", "out.4ml",
                                         "/x/a.tar.xz/out.zip"));

class ForeignNames : public testing::TestWithParam<const char*> {};

TEST_P(ForeignNames, AreRefusedWithThoseThatThereAre) {
  const auto found = destination_of(GetParam());

  EXPECT_EQ(found.code(), Code::InvalidArgument);
  EXPECT_NE(found.status().message().find(".tar .tar.gz .tgz .tar.zst .zip"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(, ForeignNames,
                         testing::Values("out.tar.xz", "out.txz", "out.tar.bz2", "out.7z", "out.gz", "OUT.TAR.GZ",
                                         "out.Zip", "out.tar.XZ", "dir/out.rar"));

class OtherNames : public testing::TestWithParam<const char*> {};

TEST_P(OtherNames, AskForADirectory) {
  const auto found = destination_of(GetParam());

  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(*found, Destination::Directory);
}

INSTANTIATE_TEST_SUITE_P(, OtherNames, testing::Values("out", "1.2.0", "out.tar.xz/", "out.zip/", "out.d", "tar.xz.d"));

TEST(Destinations, ThatAreDirectoriesStayDirectories) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/out.tar.xz";
  std::filesystem::create_directory(path);

  EXPECT_EQ(*destination_of(path), Destination::Directory);
}

}  // namespace
}  // namespace modelfs
