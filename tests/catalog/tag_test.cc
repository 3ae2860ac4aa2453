// tag.toml: the marker of a generation.
#include "catalog/tag.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

constexpr const char* kOne = "14046f11-3dbb-4a0e-9f29-0f1dfb373ce8";
constexpr const char* kTwo = "a534f2da-dc3d-4353-8b85-e61d3728ca91";
constexpr const char* kSections = "\n\n[training]\ntimestamp = 2026-03-04T05:06:07\nordinal = 42\n\n[tuning]\n";

std::string tag_of(const std::string& states) { return "states = [ " + states + "]" + kSections; }

TEST(TagOfAGeneration, KeepsTheOrderOfItsStates) {
  const auto tag = parse_tag(tag_of("\"" + std::string(kTwo) + "\", \"" + kOne + "\","));

  ASSERT_TRUE(tag.ok()) << tag.status().str();
  EXPECT_EQ(tag->states, (std::vector<std::string>{kTwo, kOne}));
}

TEST(TagOfAGeneration, IsReadAsPythonWritesIt) {
  for (const char* ordinal : {"1.5", "true", "\"text\"", "2026-03-04", "2026-03-04T05:06:07.678901"}) {
    const auto tag = parse_tag("states = []\n\n[training]\ntimestamp = 2026-03-04T05:06:07.678901\nordinal = " +
                               std::string(ordinal) + "\n\n[tuning]\nscore = 0.5\n");
    EXPECT_TRUE(tag.ok()) << ordinal << ": " << tag.status().str();
  }
}

struct BadTag {
  std::string text;
  std::string why;
};
class RefusedTag : public testing::TestWithParam<BadTag> {};
TEST_P(RefusedTag, SaysWhy) {
  const auto tag = parse_tag(GetParam().text);

  EXPECT_EQ(tag.code(), Code::Malformed);
  EXPECT_NE(tag.status().message().find(GetParam().why), std::string::npos) << tag.status().message();
}
INSTANTIATE_TEST_SUITE_P(, RefusedTag,
                         testing::Values(BadTag{"", "[training]"}, BadTag{"states = [", "line 1"},
                                         BadTag{kSections, "list of states"},
                                         BadTag{"states = []\n[training]\n", "[tuning]"},
                                         BadTag{tag_of("1"), "no UUID"}, BadTag{tag_of("\"../escape\""), "no UUID"},
                                         BadTag{tag_of("\"\xff\""), "UTF-8"},
                                         BadTag{tag_of("\"" + std::string(kOne) + "\",\"" + kOne + "\""), "twice"}));

TEST(TagOfAGeneration, ThatIsMadeCanBeRead) {
  const std::string made = make_tag(TimeNs{1'772'600'767'000'000'000});

  EXPECT_TRUE(parse_tag(made).ok());
  EXPECT_NE(made.find("timestamp = 2026-03-04T05:06:07\n"), std::string::npos) << made;
}

}  // namespace
}  // namespace modelfs
