#include "mount/mount_point.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

TEST(MountedAt, ProcIsProc) {
  const auto mounted = mounted_at("/proc");

  ASSERT_TRUE(mounted.ok() && *mounted);
  EXPECT_EQ((*mounted)->type, "proc");
}

TEST(MountedAt, ADirectoryThatMerelyLiesOnAMountIsNothing) {
  const auto mounted = mounted_at("/proc/self");

  ASSERT_TRUE(mounted.ok());
  EXPECT_FALSE(mounted->has_value());
}

TEST(DetachingAMount, LeavesAnotherFileSystemAlone) {
  EXPECT_TRUE(detach_mount("/proc", "not the device of proc").ok());

  const auto mounted = mounted_at("/proc");
  ASSERT_TRUE(mounted.ok());
  EXPECT_TRUE(mounted->has_value());
}

}  // namespace
}  // namespace modelfs
