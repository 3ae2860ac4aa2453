#include "mount/mount_table.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

TEST(MountTable, ReadsALineWithAnyNumberOfOptionalFields) {
  const auto things = parse_mount_table(
      "36 35 98:0 / /a rw,noatime - ext3 /dev/root rw\n"
      "37 35 0:53 / /b rw shared:1 master:2 - fuse.modelfs /srv/store rw,user_id=0\n");

  ASSERT_EQ(things.size(), 2u);
  EXPECT_EQ(things[0].type, "ext3");
  EXPECT_EQ(things[1].mount_point, "/b");
  EXPECT_EQ(things[1].type, kMountType);
  EXPECT_EQ(things[1].source, "/srv/store");
  EXPECT_EQ(things[1].device, "0:53");
}

TEST(MountTable, ReadsBackWhatTheKernelEscapes) {
  const auto things = parse_mount_table("36 35 0:5 / /a\\040b\\134c rw - fuse.modelfs /s\\011t rw\n");

  ASSERT_EQ(things.size(), 1u);
  EXPECT_EQ(things[0].mount_point, "/a b\\c");
  EXPECT_EQ(things[0].source, "/s\tt");
}

TEST(MountTable, LeavesOutLinesThatMakeNoSense) {
  EXPECT_TRUE(parse_mount_table("\nrubbish\n36 35 0:5 / /a rw no dash\n").empty());
}

TEST(MountedAt, FindsTheProcOfThisMachineAndNothingAtAPlainDirectory) {
  const auto proc = mounted_at("/proc");
  const auto plain = mounted_at("/proc/self");

  ASSERT_TRUE(proc.ok() && plain.ok());
  ASSERT_TRUE(proc->has_value());
  EXPECT_EQ((*proc)->type, "proc");
  EXPECT_FALSE(plain->has_value());
}

}  // namespace
}  // namespace modelfs
