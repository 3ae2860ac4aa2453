#include "mount/convert.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

TEST(StatOfAttributes, HasTypeAndModeInOneField) {
  const struct stat info = to_stat(Attributes{.ino = Ino{70}, .type = FileType::Directory, .mode = 0555});

  EXPECT_EQ(info.st_mode, static_cast<mode_t>(S_IFDIR | 0555));
  EXPECT_EQ(info.st_ino, 70u);
}

TEST(StatOfAttributes, KeepsNanosecondsBefore1970) {
  const struct stat info = to_stat(Attributes{.mtime = TimeNs{-1}});

  EXPECT_EQ(info.st_mtim.tv_sec, -1);
  EXPECT_EQ(info.st_mtim.tv_nsec, 999'999'999);
}

TEST(ChangeOfASetattr, HoldsOnlyWhatWasAskedFor) {
  struct stat wanted {};
  wanted.st_mode = S_IFREG | 0640;
  wanted.st_uid = 7;

  const Change change = to_change(wanted, FUSE_SET_ATTR_MODE, nullptr);

  EXPECT_EQ(change.values.mode, 0640u);
  EXPECT_FALSE(change.values.uid.has_value());
  EXPECT_FALSE(change.values.size_bytes.has_value());
  EXPECT_FALSE(change.values.mtime.has_value());
  EXPECT_FALSE(change.handle.has_value());
}

TEST(ChangeOfASetattr, TakesNowFromTheClockAlthoughATimeIsGiven) {
  struct stat wanted {};  // 1970
  const TimeNs before = now();

  const Change change = to_change(wanted, FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW, nullptr);

  ASSERT_TRUE(change.values.mtime.has_value());
  EXPECT_GE(raw(*change.values.mtime), raw(before));
}

TEST(ChangeOfASetattr, KeepsAGivenTimeToTheNanosecond) {
  struct stat wanted {};
  wanted.st_atim = {.tv_sec = 5, .tv_nsec = 6};

  const Change change = to_change(wanted, FUSE_SET_ATTR_ATIME, nullptr);

  EXPECT_EQ(change.values.atime, TimeNs{5'000'000'006});
}

TEST(ChangeOfASetattr, NamesTheOpenFileItCameThrough) {
  fuse_file_info file{};
  file.fh = 9;

  const Change change = to_change({}, FUSE_SET_ATTR_SIZE, &file);

  EXPECT_EQ(change.handle, Handle{9});
  EXPECT_EQ(change.values.size_bytes, 0u);
}

TEST(OpenedFile, AsksForNoFlushUnlessItsCloseHasSomethingToSay) {
  EXPECT_EQ(to_file_info(Opened{.flushes = false}).noflush, 1u);
  EXPECT_EQ(to_file_info(Opened{.flushes = true}).noflush, 0u);
}

}  // namespace
}  // namespace modelfs
