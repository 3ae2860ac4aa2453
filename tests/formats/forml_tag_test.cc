// tag.toml: the marker of a generation.
#include "formats/forml_tag.h"

#include <gtest/gtest.h>

#include "formats/toml_bounds.h"

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
INSTANTIATE_TEST_SUITE_P(
    , RefusedTag,
    testing::Values(BadTag{"", "[training]"}, BadTag{"states = [", "line 1"}, BadTag{kSections, "list of states"},
                    BadTag{"states = []\n[training]\n", "[tuning]"}, BadTag{tag_of("1"), "not a UUID"},
                    BadTag{tag_of("\"../escape\""), "not a UUID"}, BadTag{tag_of("\"\xff\""), "UTF-8"},
                    BadTag{tag_of("\"" + std::string(kOne) + "\",\"" + kOne + "\""), "twice"}));

std::string key_of(std::size_t parts) {
  std::string key = "a";
  for (std::size_t i = 1; i < parts; ++i) key += ".a";
  return key;
}

TEST(TagOfAGeneration, HasKeysOfSixteenPartsAtMost) {
  for (const char* quote : {"", "\"", "'"}) {
    for (const char* form : {"%s=1", "[%s]", "[[%s]]", "x={%s=1}"}) {
      const auto tag_with = [&](std::size_t parts) {
        std::string line(form);
        line.replace(line.find("%s"), 2, key_of(parts - 1) + "." + quote + "b" + quote);
        return parse_tag(tag_of("") + line + "\n");
      };
      EXPECT_TRUE(tag_with(kTomlKeyPartsMax).ok()) << form << tag_with(kTomlKeyPartsMax).status().message();
      EXPECT_EQ(tag_with(kTomlKeyPartsMax + 1).code(), Code::Malformed) << form;
      EXPECT_EQ(tag_with(200'000).code(), Code::Malformed) << form;
    }
  }
}

TEST(TagOfAGeneration, NestsSixteenValuesAtMost) {
  for (const auto& [open, close] : {std::pair<std::string, std::string>{"[", "]"}, {"{a=", "}"}}) {
    const auto tag_with = [&, o = open, c = close](std::size_t depth) {
      std::string line = "[x]\na = ";
      for (std::size_t i = 0; i < depth; ++i) line += o;
      line += "1";
      for (std::size_t i = 0; i < depth; ++i) line += c;
      return parse_tag(tag_of("") + line + "\n");
    };
    EXPECT_TRUE(tag_with(kTomlNestingMax).ok()) << tag_with(kTomlNestingMax).status().message();
    EXPECT_EQ(tag_with(kTomlNestingMax + 1).code(), Code::Malformed);
  }
}

TEST(TagOfAGeneration, IsRefusedWhateverStringStandsBeforeADeepKey) {
  for (const char* text : {R"("]")", R"('"')", R"("\"")", R"("""x"""")", R"("""x""""")", R"(""" " "" """)", "'''x''''",
                           R"("")", R"("""""")"}) {
    const auto tag = parse_tag(tag_of("") + "x = [" + text + ", {" + key_of(200'000) + "=1}]\n");

    EXPECT_EQ(tag.code(), Code::Malformed) << text;
  }
}

TEST(TagOfAGeneration, MayHoldDotsInTextsNumbersAndComments) {
  const std::string dots(500, '.');
  const auto tag =
      parse_tag(tag_of("") + "a = \"" + dots + "\" # " + dots + "\nb = [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5," +
                " 9.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5]\nc = '''\n" + dots + "\n'''\n");

  EXPECT_TRUE(tag.ok()) << tag.status().message();
}

TEST(TagOfAGeneration, HasKeysOfAsciiUnlessTheyAreQuoted) {
  // U+0354: toml++ looks it up beyond the end of a table of letters.
  EXPECT_EQ(parse_tag("14046f11-\u0354bb-4a0e-9f29-0f1dfb373ce8es@").code(), Code::Malformed);
  for (const char* letter : {"\u0354", "\u00e9", "\u00a0", "\u3000", "\u4e00", "\U0001f600", "\U0010ffff"}) {
    const std::string text(letter);
    for (const std::string& line :
         std::initializer_list<std::string>{text + "=1", "a" + text + "=1", "[" + text + "]", "x." + text + "=1",
                                            "x={" + text + "=1}", "x=1" + text, "x=" + text, text}) {
      const auto tag = parse_tag(tag_of("") + line + "\n");
      EXPECT_EQ(tag.code(), Code::Malformed) << line;
      EXPECT_NE(tag.status().message().find("line 8: a character that is not ASCII"), std::string::npos)
          << tag.status().message();
    }
    for (const std::string& line :
         std::initializer_list<std::string>{"\"" + text + "\"=1", "'" + text + "'=1", "x=\"" + text + "\"",
                                            "x='''" + text + "'''", "x=\"\"\"" + text + "\"\"\"", "x=1 # " + text}) {
      const auto tag = parse_tag(tag_of("") + line + "\n");
      EXPECT_TRUE(tag.ok()) << line << ": " << tag.status().message();
    }
  }
  EXPECT_TRUE(parse_tag("\ufeff" + tag_of("")).ok()) << "a byte order mark";
}

TEST(TagOfAGeneration, HasAMebibyteAtMost) {
  const auto tag_with = [](std::size_t size) {
    std::string text = tag_of("") + "#";
    return parse_tag(text + std::string(size - text.size(), 'x'));
  };
  EXPECT_TRUE(tag_with(kTagBytesMax).ok());
  EXPECT_EQ(tag_with(kTagBytesMax + 1).code(), Code::Malformed);
}

TEST(TagOfAGeneration, TellsOfShortValuesOnly) {
  const auto score_of = [](std::size_t size) {
    return parse_tag(tag_of("") + "score = '" + std::string(size, 'x') + "'\n")->score.size();
  };
  EXPECT_EQ(score_of(kTagValueBytesMax), kTagValueBytesMax);
  EXPECT_EQ(score_of(kTagValueBytesMax + 1), 0u);
}

TEST(TagOfAGeneration, ThatIsMadeCanBeRead) {
  const std::string made = make_tag(TimeNs{1'772'600'767'000'000'000});

  EXPECT_TRUE(parse_tag(made).ok());
  EXPECT_NE(made.find("timestamp = 2026-03-04T05:06:07\n"), std::string::npos) << made;
}

}  // namespace
}  // namespace modelfs
