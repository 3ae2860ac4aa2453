#include "drafts/draft_space.h"

#include <gtest/gtest.h>

#include "support/temporary_directory.h"

namespace modelfs {
namespace {

constexpr std::uint64_t kReserve = 1ull << 30;
constexpr std::uint64_t kMiB = 1ull << 20;

// A disk that counts who asks, and a clock that stands.
class Space : public testing::Test {
 protected:
  // A write that takes what it was allowed.
  Status write(std::uint64_t bytes) {
    Status status = space_.check(bytes);
    if (status.ok()) *free_bytes_ -= bytes;
    return status;
  }

  std::optional<std::uint64_t> free_bytes_ = 2 * kReserve;
  int looks_ = 0;
  DraftSpace::Time now_{};
  DraftSpace space_{[this] {
                      ++looks_;
                      return free_bytes_;
                    },
                    kReserve, [this] { return now_; }};
};

TEST_F(Space, IsAskedForOnceForEightMebibytes) {
  static_assert(DraftSpace::kBytesBetweenLooks == 8 * kMiB);
  for (int i = 0; i < 8 * 256; ++i) ASSERT_TRUE(write(4096).ok());
  EXPECT_EQ(looks_, 1);
  ASSERT_TRUE(write(1).ok());
  EXPECT_EQ(looks_, 2);

  for (int i = 0; i < 64 * 256; ++i) ASSERT_TRUE(write(4096).ok());
  EXPECT_LE(looks_, 2 + 8);
}

TEST_F(Space, IsAskedForAgainAfterTwentyMilliseconds) {
  ASSERT_TRUE(write(1).ok());
  now_ += DraftSpace::kTimeBetweenLooks - std::chrono::nanoseconds(1);
  ASSERT_TRUE(write(1).ok());
  EXPECT_EQ(looks_, 1);
  now_ += std::chrono::nanoseconds(1);
  ASSERT_TRUE(write(1).ok());
  EXPECT_EQ(looks_, 2);
}

TEST_F(Space, EndsAtTheReserveToTheByte) {
  free_bytes_ = kReserve + 10;
  EXPECT_TRUE(write(10).ok());
  EXPECT_EQ(write(1).code(), Code::NoSpace);
  EXPECT_TRUE(write(0).ok());

  free_bytes_ = kReserve + 10;
  EXPECT_EQ(write(11).code(), Code::NoSpace);
  free_bytes_ = kReserve - 1;
  now_ += DraftSpace::kTimeBetweenLooks;
  EXPECT_EQ(write(0).code(), Code::NoSpace);
}

TEST_F(Space, BetweenLooksIsWhatWasFreeAtTheLast) {
  free_bytes_ = kReserve + 3 * kMiB + 100;
  while (write(4096).ok()) continue;
  EXPECT_EQ(*free_bytes_, kReserve + 100);
  EXPECT_EQ(looks_, 2) << "the first, and the one before the refusal";
}

TEST_F(Space, OfTheReserveIsTakenByOthersOnlyBetweenLooks) {
  free_bytes_ = kReserve + 4 * kMiB;
  ASSERT_TRUE(write(kMiB).ok());
  *free_bytes_ -= 3 * kMiB;  // another program
  EXPECT_TRUE(write(kMiB).ok()) << "nobody has looked since";
  now_ += DraftSpace::kTimeBetweenLooks;
  EXPECT_EQ(write(1).code(), Code::NoSpace);
  EXPECT_EQ(*free_bytes_, kReserve - kMiB);
}

TEST_F(Space, ThatWasMadeIsSeenAtOnce) {
  free_bytes_ = kReserve;
  ASSERT_EQ(write(1).code(), Code::NoSpace);
  free_bytes_ = kReserve + 1;
  EXPECT_TRUE(write(1).ok());
}

TEST_F(Space, OfLargeWritesIsAskedForBeforeEach) {
  ASSERT_TRUE(write(1).ok());
  ASSERT_TRUE(write(8 * kMiB + 1).ok());
  ASSERT_TRUE(write(8 * kMiB + 1).ok());
  EXPECT_EQ(looks_, 3);
  EXPECT_EQ(write(~std::uint64_t{0}).code(), Code::NoSpace);
}

TEST_F(Space, ThatCannotBeToldIsEnough) {
  free_bytes_.reset();
  EXPECT_TRUE(space_.check(kMiB).ok());
  free_bytes_ = kReserve;
  EXPECT_EQ(space_.check(kMiB).code(), Code::NoSpace);
}

TEST_F(Space, IsNotAskedForWithoutAReserve) {
  DraftSpace all([this] { return ++looks_, std::optional<std::uint64_t>(0); }, 0);
  EXPECT_TRUE(all.check(~std::uint64_t{0}).ok());
  EXPECT_EQ(looks_, 0);
}

TEST_F(Space, IsThatOfTheDirectorysFileSystem) {
  const TemporaryDirectory directory;
  const auto free_bytes = DraftSpace::of_directory(directory.fd())();
  ASSERT_TRUE(free_bytes);
  EXPECT_GT(*free_bytes, 0u);
  EXPECT_FALSE(DraftSpace::of_directory(-1)());
}

}  // namespace
}  // namespace modelfs
