#include "base/time.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

TEST(Time, IsExactToTheNanosecondOnBothSidesOfTheEpoch) {
  EXPECT_EQ(raw(time_of(1, 5)), 1'000'000'005);
  EXPECT_EQ(raw(time_of(-1, 0)), -1'000'000'000);
  EXPECT_EQ(raw(time_of(-1, 999'999'999)), -1);
}

TEST(Time, AtTheEndsIsExactAndBeyondThemTheNearest) {
  EXPECT_EQ(time_of(9'223'372'036, 854'775'807), kTimeMax);
  EXPECT_EQ(raw(time_of(9'223'372'036, 854'775'806)), raw(kTimeMax) - 1);
  EXPECT_EQ(time_of(9'223'372'036, 854'775'808), kTimeMax);
  EXPECT_EQ(time_of(253'402'300'799, 0), kTimeMax);
  EXPECT_EQ(time_of(-9'223'372'037, 145'224'192), kTimeMin);
  EXPECT_EQ(raw(time_of(-9'223'372'037, 145'224'193)), raw(kTimeMin) + 1);
  EXPECT_EQ(time_of(-9'223'372'037, 145'224'191), kTimeMin);
  EXPECT_EQ(time_of(-62'135'596'800, 0), kTimeMin);
}

}  // namespace
}  // namespace modelfs
