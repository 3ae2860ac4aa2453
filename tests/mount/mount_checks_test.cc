#include "mount/mount_checks.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace modelfs {
namespace {

class MountChecks : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/mount-checks-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = std::filesystem::canonical(name);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::filesystem::path root_;
};

using MountPoint = MountChecks;
using StorePath = MountChecks;

TEST_F(MountPoint, IsReturnedWithoutSymlinks) {
  std::filesystem::create_directory(root_ / "real");
  std::filesystem::create_symlink("real", root_ / "link");

  const auto mount_point = check_mount_point(root_ / "link");

  ASSERT_TRUE(mount_point.ok());
  EXPECT_EQ(*mount_point, (root_ / "real").native());
}

TEST_F(MountPoint, ThatIsAbsentIsToBeMade) {
  const auto mount_point = check_mount_point(root_ / "no such");

  EXPECT_EQ(mount_point.code(), Code::NotFound);
  EXPECT_NE(mount_point.status().message().find("mkdir '"), std::string::npos) << mount_point.status().message();
}

TEST_F(MountPoint, ThatIsAFileIsRefused) {
  std::ofstream(root_ / "file") << "x";

  EXPECT_EQ(check_mount_point(root_ / "file").code(), Code::NotADirectory);
}

TEST_F(MountPoint, ThatIsNotEmptyIsRefused) {
  std::ofstream(root_ / "file") << "x";

  EXPECT_EQ(check_mount_point(root_).code(), Code::NotEmpty);
}

TEST_F(StorePath, MayNotExistYet) {
  std::filesystem::create_directory(root_ / "m");

  const auto store = check_store_path(root_ / "new" / "store", root_ / "m");

  ASSERT_TRUE(store.ok());
  EXPECT_EQ(*store, (root_ / "new" / "store").native());
}

TEST_F(StorePath, UnderTheMountPointIsRefusedAlsoThroughASymlink) {
  std::filesystem::create_directories(root_ / "m" / "store");
  std::filesystem::create_symlink("m/store", root_ / "link");

  EXPECT_EQ(check_store_path(root_ / "m", root_ / "m").code(), Code::InvalidArgument);
  EXPECT_EQ(check_store_path(root_ / "m" / "store", root_ / "m").code(), Code::InvalidArgument);
  EXPECT_EQ(check_store_path(root_ / "link", root_ / "m").code(), Code::InvalidArgument);
}

TEST_F(StorePath, AboveTheMountPointIsRefused) {
  std::filesystem::create_directories(root_ / "store" / "m");

  EXPECT_EQ(check_store_path(root_ / "store", root_ / "store" / "m").code(), Code::InvalidArgument);
}

TEST_F(StorePath, BesideTheMountPointWithTheSameBeginningIsFine) {
  std::filesystem::create_directories(root_ / "m");
  std::filesystem::create_directories(root_ / "m-store");

  EXPECT_TRUE(check_store_path(root_ / "m-store", root_ / "m").ok());
}

TEST(LiesWithin, ComparesWholeComponents) {
  EXPECT_TRUE(lies_within("/a/b", "/a"));
  EXPECT_TRUE(lies_within("/a", "/a"));
  EXPECT_TRUE(lies_within("/a", "/"));
  EXPECT_FALSE(lies_within("/ab", "/a"));
  EXPECT_FALSE(lies_within("/", "/a"));
}

TEST(FuseConf, GrantsAllowOtherOnlyByALineOfItsOwn) {
  EXPECT_TRUE(grants_allow_other("# about\n  user_allow_other\t\nmount_max = 10\n"));
  EXPECT_FALSE(grants_allow_other("#user_allow_other\n"));
  EXPECT_FALSE(grants_allow_other("user_allow_others\n"));
  EXPECT_FALSE(grants_allow_other(""));
}

TEST(ShellWord, IsQuotedOnlyWhereAShellWouldSplitIt) {
  EXPECT_EQ(shell_word("/srv/model-store"), "/srv/model-store");
  EXPECT_EQ(shell_word("/a b"), "'/a b'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word(""), "''");
}

}  // namespace
}  // namespace modelfs
