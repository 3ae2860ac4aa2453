#include "cli/mount_options.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

TEST(MountOptions, AreReadFromSeveralLists) {
  MountRequest request;

  ASSERT_TRUE(parse_mount_options({"ro,allow_other", "reserve=1G,cache=8M"}, request).ok());

  EXPECT_TRUE(request.read_only);
  EXPECT_TRUE(request.allow_other);
  EXPECT_EQ(request.reserve_bytes, 1ull << 30);
  EXPECT_EQ(request.block_cache_bytes, 8ull << 20);
}

TEST(MountOptions, LimitArchives) {
  MountRequest request;

  ASSERT_TRUE(parse_mount_options({"archive_members=5,archive_bytes=2G,archive_ratio=9,archive_filled_ratio=8,archive_"
                                   "path=100,archive_depth=3"},
                                  request)
                  .ok());

  EXPECT_EQ(request.archive_limits.members, 5u);
  EXPECT_EQ(request.archive_limits.unpacked_bytes, 2ull << 30);
  EXPECT_EQ(request.archive_limits.ratio, 9u);
  EXPECT_EQ(request.archive_limits.filled_ratio, 8u);
  EXPECT_EQ(request.archive_limits.path_bytes, 100u);
  EXPECT_EQ(request.archive_limits.depth, 3u);
  EXPECT_EQ(parse_mount_options({"archive_members=0"}, request).code(), Code::InvalidArgument);
  EXPECT_EQ(parse_mount_options({"archive_color=1"}, request).code(), Code::InvalidArgument);
}

TEST(MountOptions, PassthroughCanBeTurnedOff) {
  MountRequest request;
  EXPECT_TRUE(request.passthrough);

  ASSERT_TRUE(parse_mount_options({"no_passthrough"}, request).ok());

  EXPECT_FALSE(request.passthrough);
}

TEST(MountOptions, AClientRootIsAnAbsolutePath) {
  MountRequest request;

  ASSERT_TRUE(parse_mount_options({"client_root=/models/"}, request).ok());

  EXPECT_EQ(request.client_root, "/models");
  EXPECT_EQ(parse_mount_options({"client_root=models"}, request).code(), Code::InvalidArgument);
  EXPECT_EQ(parse_mount_options({"client_root=/"}, request).code(), Code::InvalidArgument);
}

TEST(MountOptions, RecipesCanBeTurnedOff) {
  MountRequest request;

  ASSERT_TRUE(parse_mount_options({"recipes=off"}, request).ok());

  EXPECT_FALSE(request.recipes);
}

TEST(MountOptions, ThePollWindowIsANumberOfMicrosecondsUpToAMost) {
  MountRequest request;

  ASSERT_TRUE(parse_mount_options({"poll=0"}, request).ok());
  EXPECT_EQ(request.poll_window, std::chrono::microseconds(0));
  ASSERT_TRUE(parse_mount_options({"poll=1000"}, request).ok());
  EXPECT_EQ(request.poll_window, MountRequest::kPollWindowMax);

  for (const char* bad : {"poll=1001", "poll=-1", "poll=", "poll=1ms", "poll=99999999999999999999"}) {
    EXPECT_EQ(parse_mount_options({bad}, request).code(), Code::InvalidArgument) << bad;
  }
  EXPECT_EQ(request.poll_window, MountRequest::kPollWindowMax) << "what is refused changes nothing";
}

TEST(MountOptions, OfTwoThatContradictTheLastCounts) {
  MountRequest request;

  ASSERT_TRUE(parse_mount_options({"ro,rw"}, request).ok());

  EXPECT_FALSE(request.read_only);
}

TEST(MountOptions, ThatFstabAddsForOthersMeanNothing) {
  MountRequest request;

  EXPECT_TRUE(
      parse_mount_options({"defaults,noauto,user,nofail,_netdev,nosuid,nodev,noatime,x-systemd.automount,"}, request)
          .ok());
}

class RefusedOption : public testing::TestWithParam<const char*> {};

TEST_P(RefusedOption, IsNamed) {
  MountRequest request;

  const Status status = parse_mount_options({std::string("rw,") + GetParam()}, request);

  EXPECT_EQ(status.code(), Code::InvalidArgument);
  EXPECT_NE(status.message().find(GetParam()), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(, RefusedOption,
                         testing::Values("frobnicate", "suid", "dev", "noexec", "RO", "reserve=", "reserve=-1",
                                         "cache=1X"));

struct SizeCase {
  const char* text;
  std::uint64_t bytes;
};
class Sizes : public testing::TestWithParam<SizeCase> {};

TEST_P(Sizes, AreRead) {
  const auto size = parse_size(GetParam().text);

  ASSERT_TRUE(size.ok());
  EXPECT_EQ(*size, GetParam().bytes);
}

INSTANTIATE_TEST_SUITE_P(, Sizes,
                         testing::Values(SizeCase{"0", 0}, SizeCase{"7", 7}, SizeCase{"1K", 1024},
                                         SizeCase{"3T", 3ull << 40}, SizeCase{"16777215T", 16777215ull << 40}));

class NoSize : public testing::TestWithParam<const char*> {};

TEST_P(NoSize, IsRefused) { EXPECT_EQ(parse_size(GetParam()).code(), Code::InvalidArgument); }

INSTANTIATE_TEST_SUITE_P(, NoSize,
                         testing::Values("", "K", "1k", "1KB", "1 K", "-1", "0x10", "16777216T",
                                         "99999999999999999999"));

}  // namespace
}  // namespace modelfs
