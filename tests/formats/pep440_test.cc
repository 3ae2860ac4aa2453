// Versions of Python packages: their normal form and their order.
#include "formats/pep440.h"

#include <gtest/gtest.h>

#include "base/names.h"

namespace modelfs {
namespace {

std::string normalised(std::string_view text) {
  const auto version = Pep440::parse(text);
  return version ? version->str() : "none";
}

TEST(Pep440Version, IsWrittenInItsNormalForm) {
  EXPECT_EQ(normalised("v2"), "2");
  EXPECT_EQ(normalised("1.0-alpha"), "1.0a0");
  EXPECT_EQ(normalised("1.0-ALPHA.3"), "1.0a3");
  EXPECT_EQ(normalised("2.0+Local_7"), "2.0+local.7");
  EXPECT_EQ(normalised("1.0-1"), "1.0.post1");
  EXPECT_EQ(normalised("1.0rev"), "1.0.post0");
  EXPECT_EQ(normalised("1.0.preview2.dev"), "1.0rc2.dev0");
  EXPECT_EQ(normalised("01!002.00"), "1!2.0");
  EXPECT_EQ(normalised("1.0.0"), "1.0.0");
}

TEST(Pep440Version, ComesInTheOrderOfPackaging) {
  const char* const kInOrder[] = {
      "0.9.dev3",  "1.0.dev0", "1.0a0.dev1", "1.0a0",       "1.0a0.post1", "1.0b2",
      "1.0rc1",    "1.0",      "1.0+abc",    "1.0+abc.5",   "1.0+5",       "1.0.post1.dev1",
      "1.0.post1", "1.1.dev1", "2",          "2.0+local.7", "10",          "18446744073709551617",
      "1!0.1"};
  for (std::size_t i = 0; i < std::size(kInOrder); ++i) {
    for (std::size_t j = 0; j < std::size(kInOrder); ++j) {
      const auto one = *Pep440::parse(kInOrder[i]);
      const auto other = *Pep440::parse(kInOrder[j]);
      EXPECT_EQ(one < other, i < j) << one.str() << " " << other.str();
      EXPECT_EQ(one == other, i == j) << one.str() << " " << other.str();
    }
  }
}

TEST(Pep440Version, IsEqualWithZerosBehindIt) {
  EXPECT_EQ(*Pep440::parse("1.0"), *Pep440::parse("1.0.0"));
  EXPECT_NE(*Pep440::parse("1.0"), *Pep440::parse("1.0.1"));
}

TEST(Pep440Version, IsNothingElse) {
  for (const char* text : {"", "latest", "1.0-", "1..0", "1.0+", "a1"}) EXPECT_FALSE(Pep440::parse(text)) << text;
}

class Pep440Text : public testing::TestWithParam<const char*> {};
TEST_P(Pep440Text, ReadsAsAVersion) { EXPECT_TRUE(reads_as_pep440(GetParam())); }
INSTANTIATE_TEST_SUITE_P(, Pep440Text,
                         testing::Values("1", "1.0", "1.0-alpha", "v2", "V2", "1!0.1", "2.0+Local_7", "1.0a1",
                                         "1.0.post2", "1.0-1", "1.0.dev3", "1.0RC1", "1.0c", "2026.11.21", "01.02",
                                         "1.0+ubuntu.1", "1.0.r4", "1.0_rev_4", "1.0.preview1", " 1.0 "));

class NotPep440 : public testing::TestWithParam<const char*> {};
TEST_P(NotPep440, DoesNotReadAsAVersion) { EXPECT_FALSE(reads_as_pep440(GetParam())); }
INSTANTIATE_TEST_SUITE_P(, NotPep440,
                         testing::Values("", "prod", "stable-1x", "v", "1.", "1..0", "1.0-x", "1.0+", "1.0+a..b", "!1",
                                         "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "1.0 beta x", "release-1"));

TEST(Pep440Pattern, CostsAName) {
  const std::string longest(kNameBytesMax, '1');
  EXPECT_TRUE(reads_as_pep440(longest));
  EXPECT_FALSE(reads_as_pep440(longest.substr(1) + "!"));
}

}  // namespace
}  // namespace modelfs
