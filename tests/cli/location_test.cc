#include "cli/location.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temporary_directory.h"

namespace modelfs {
namespace {

namespace fs = std::filesystem;

const std::vector<Mount>& table() {
  static const auto kTable = parse_mounts(
      "22 1 254:0 / / rw - ext4 /dev/vda rw\n"
      "40 22 0:40 / /m rw - fuse.modelfs /srv/store rw\n"
      "42 22 0:40 /churn /bound rw - fuse.modelfs /srv/store rw\n"
      "43 40 0:43 / /m/other rw - tmpfs tmpfs rw\n");
  return kTable;
}

struct Case {
  const char* path;
  const char* inside;
};
class OnAMount : public testing::TestWithParam<Case> {};

TEST_P(OnAMount, IsAPathInTheRegistry) {
  const auto location = locate_on(table(), GetParam().path);

  ASSERT_TRUE(location);
  EXPECT_EQ(location->store, "/srv/store");
  EXPECT_EQ(location->path, GetParam().inside);
}

INSTANTIATE_TEST_SUITE_P(, OnAMount,
                         testing::Values(Case{"/m", ""}, Case{"/m/churn", "churn"},
                                         Case{"/m/churn/1.2.0/next", "churn/1.2.0/next"}, Case{"/bound", "churn"},
                                         Case{"/bound/1.2.0", "churn/1.2.0"}));

TEST(OffAMount, IsNothing) {
  EXPECT_FALSE(locate_on(table(), "/srv/store"));
  EXPECT_FALSE(locate_on(table(), "/mm/churn"));
  EXPECT_FALSE(locate_on(table(), "/m/other/x"));
}

TEST(WithoutATarget, SeveralStoresAreAllNamed) {
  const auto several =
      sole_mount(parse_mounts("1 0 0:1 / /a rw - fuse.modelfs s rw\n2 0 0:2 / /b rw - fuse.modelfs t rw\n"
                              "3 0 0:1 / /c rw - fuse.modelfs s rw\n4 0 0:3 / /d rw - fuse.modelfs u rw\n"));

  EXPECT_EQ(several.code(), Code::InvalidArgument);
  EXPECT_EQ(several.status().message(), "3 stores are mounted, at /a, /b, /d; name one of them");
}

TEST(WithoutATarget, TheOnlyStoreIsMeant) {
  const auto location = sole_mount(table());

  ASSERT_TRUE(location.ok()) << location.status().message();
  EXPECT_EQ(location->mount_point, "/m");
  EXPECT_EQ(sole_mount({}).code(), Code::InvalidArgument);
}

TEST(WithAStore, TheTargetIsTakenAsItIs) {
  const auto location = locate("churn/1.2.0", "/srv/store");

  ASSERT_TRUE(location.ok());
  EXPECT_EQ(location->path, "churn/1.2.0");
  EXPECT_EQ(location->store, "/srv/store");
}

TEST(WithoutAStore, ATargetThatLiesOnNoMountIsRefusedWithTheNextStep) {
  const auto location = locate("/etc/churn", "");

  EXPECT_EQ(location.code(), Code::InvalidArgument);
  EXPECT_NE(location.status().message().find("--store"), std::string::npos);
}

class Paths : public testing::Test {
 protected:
  Paths() {
    fs::create_directories(root_ + "/churn/1.2.0");
    fs::create_symlink("1.2.0", root_ + "/churn/latest");
  }

  TemporaryDirectory directory_;
  const std::string root_ = fs::canonical(directory_.path()).string();
};

TEST_F(Paths, FollowSymlinksOnTheWayButNotAtTheEnd) {
  EXPECT_EQ(*absolute_path(root_ + "/churn/latest/4"), root_ + "/churn/1.2.0/4");
  EXPECT_EQ(*absolute_path(root_ + "/churn/latest"), root_ + "/churn/latest");
  EXPECT_EQ(*absolute_path(root_ + "/churn/latest/"), root_ + "/churn/latest");
}

TEST_F(Paths, NeedNotExist) { EXPECT_EQ(*absolute_path(root_ + "/new/1.0/next"), root_ + "/new/1.0/next"); }

TEST_F(Paths, WithDotsAreResolvedWhereTheyExist) {
  EXPECT_EQ(*absolute_path(root_ + "/churn/./latest"), root_ + "/churn/latest");
  EXPECT_EQ(*absolute_path(root_ + "/churn/latest/.."), root_ + "/churn");
  EXPECT_EQ(absolute_path(root_ + "/nothing/..").code(), Code::NotFound);
}

TEST_F(Paths, ThatAreEmptyNameNothing) { EXPECT_EQ(absolute_path("").code(), Code::InvalidArgument); }

}  // namespace
}  // namespace modelfs
