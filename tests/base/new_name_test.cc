#include "base/new_name.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

class Invisible : public testing::TestWithParam<const char*> {};

TEST_P(Invisible, CharactersAreInNoNewName) {
  const Status status = check_new_name(std::string("1") + GetParam());

  EXPECT_EQ(status.code(), Code::InvalidArgument);
  EXPECT_NE(status.message().find("invisible"), std::string::npos) << status.message();
  EXPECT_FALSE(check_new_name(std::string(GetParam()) + "a").ok());
}
INSTANTIATE_TEST_SUITE_P(, Invisible,
                         testing::Values("\u200b", "\u200c", "\u200d", "\u200e", "\u2060", "\u206f", "\ufeff", "\u00ad",
                                         "\u00a0", "\u034f", "\u061c", "\u115f", "\u1160", "\u17b5", "\u180e", "\u2000",
                                         "\u2028", "\u202e", "\u202f", "\u2800", "\u3000", "\u3164", "\ufe00", "\ufe0f",
                                         "\uffa0", "\U0001d173", "\U000e0001", "\U000e0fff"));

TEST(NewName, MayHoldWhatCanBeSeen) {
  for (const char* name : {"1.2.0", "my model", "größe", "模型", "модель", "é", "\u2010", "\u2027", "\u2030", "\u2070",
                           "\u00a1", "\u00ae", "\U0001f600"}) {
    EXPECT_TRUE(check_new_name(name).ok()) << name << check_new_name(name).message();
  }
}

TEST(NewName, HasNoSpaceAtAnEnd) {
  EXPECT_EQ(check_new_name("1 ").code(), Code::InvalidArgument);
  EXPECT_EQ(check_new_name(" 1").code(), Code::InvalidArgument);
}

TEST(NewName, IsAlsoACheckedName) { EXPECT_FALSE(check_new_name("latest").ok()); }

}  // namespace
}  // namespace modelfs
