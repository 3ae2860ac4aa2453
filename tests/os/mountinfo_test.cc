#include "os/mountinfo.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

constexpr const char* kTable =
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "40 22 0:40 / /m rw,nosuid,nodev,relatime shared:9 master:3 - fuse.modelfs /srv/store rw,user_id=0\n"
    "41 22 0:41 / /with\\040blank rw - fuse.modelfs /srv/my\\040store\\134x rw\n"
    "42 22 0:40 /churn /bound rw - fuse.modelfs /srv/store rw\n"
    "43 40 0:43 / /m/a/b rw - tmpfs tmpfs rw\n"
    "a line that makes no sense\n"
    "\n";

TEST(MountTable, ReadsWhatTheKernelWrites) {
  const auto table = parse_mounts(kTable);

  ASSERT_EQ(table.size(), 5u);
  EXPECT_EQ(table[1].device, "0:40");
  EXPECT_EQ(table[1].mount_point, "/m");
  EXPECT_TRUE(table[1].is_ours());
  EXPECT_EQ(table[1].source, "/srv/store");
  EXPECT_EQ(table[1].options, "rw,user_id=0");
  EXPECT_EQ(table[3].root, "/churn");
}

TEST(MountTable, UnescapesBlanksAndBackslashes) {
  const auto table = parse_mounts(kTable);

  EXPECT_EQ(table[2].mount_point, "/with blank");
  EXPECT_EQ(table[2].source, "/srv/my store\\x");
}

TEST(MountTable, KnowsWhatIsReadOnlyByItselfAndWhatOnlyInOnePlace) {
  const auto table = parse_mounts(
      "1 0 0:1 / /m rw,relatime - fuse.modelfs s rw,user_id=0\n2 1 0:1 / /bound ro,relatime - fuse.modelfs s rw\n"
      "3 1 0:2 / /ro rw,relatime - fuse.modelfs t ro,user_id=0\n4 1 0:3 / /rotation rw - fuse.modelfs u rw,root=1\n");

  ASSERT_EQ(table.size(), 4u);
  EXPECT_FALSE(table[0].is_read_only);
  EXPECT_TRUE(table[1].is_read_only);
  EXPECT_TRUE(table[2].is_read_only);
  EXPECT_FALSE(table[3].is_read_only);
}

TEST(MountTable, FindsTheInnermostMountOfAPath) {
  const auto table = parse_mounts(kTable);

  EXPECT_EQ(mount_of(table, "/m/churn/1")->device, "0:40");
  EXPECT_EQ(mount_of(table, "/m")->device, "0:40");
  EXPECT_EQ(mount_of(table, "/m/a/b/c")->device, "0:43");
  EXPECT_EQ(mount_of(table, "/more")->device, "254:0");
}

TEST(MountTable, FindsTheLastOfSeveralMountsAtOnePlace) {
  const auto table = parse_mounts("1 0 0:1 / /m rw - tmpfs t rw\n2 1 0:2 / /m rw - fuse.modelfs s rw\n");

  EXPECT_EQ(mount_of(table, "/m/x")->device, "0:2");
}

TEST(MountTable, FindsNothingWhereNothingIsMounted) { EXPECT_EQ(mount_of({}, "/m"), nullptr); }

}  // namespace
}  // namespace modelfs
