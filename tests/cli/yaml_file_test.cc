#include "cli/yaml_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "formats/yaml_text.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

using nlohmann::json;

class YamlFile : public testing::Test {
 protected:
  Result<json> read(const std::string& text) {
    const std::string path = directory_.path() + "/meta.yaml";
    std::ofstream(path) << text;
    return read_yaml_file(*ImportRoots::open(directory_.path(), {}), path);
  }

  TemporaryDirectory directory_;
};

TEST_F(YamlFile, GivesTextsAsTheyStand) {
  const auto document = read(
      "name: churn\nversion: 007\ntrue: 'yes'\nnothing: null\nalso: ~\nempty:\nlist: [1.50, a]\nin: {a: {b: 1}}\n");

  ASSERT_TRUE(document.ok()) << document.status().message();
  EXPECT_EQ(*document, json::parse(R"({"name": "churn", "version": "007", "true": "yes", "nothing": null, "also": null,
                                       "empty": null, "list": ["1.50", "a"], "in": {"a": {"b": "1"}}})"));
}

TEST_F(YamlFile, ReadsWhatPythonWrites) {
  const auto document =
      read("description: \"two\\nlines \\xFC\"\nlong: 'it''s\n  folded'\naliases:\n  champion: '1'\n");

  ASSERT_TRUE(document.ok()) << document.status().message();
  EXPECT_EQ((*document)["description"], "two\nlines ü");
  EXPECT_EQ((*document)["long"], "it's folded");
  EXPECT_EQ((*document)["aliases"]["champion"], "1");
}

TEST_F(YamlFile, OfNothingIsNull) { EXPECT_EQ(*read(""), nullptr); }

TEST_F(YamlFile, IsRefusedWhenItIsNone) {
  for (const char* text : {"a: [", "a: b: c", "{[1]: 2}", "a: \xff", "*nobody"}) {
    const auto document = read(text);
    EXPECT_EQ(document.code(), Code::Malformed) << text;
    EXPECT_NE(document.status().message().find("meta.yaml"), std::string::npos) << document.status().message();
  }
}

TEST_F(YamlFile, IsRefusedWhenItsAliasesMultiply) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int level = 1; level < 9; ++level) {
    const std::string below = "*a" + std::to_string(level - 1);
    text += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [" + below;
    for (int i = 0; i < 9; ++i) text += ", " + below;
    text += "]\n";
  }

  EXPECT_EQ(read(text).code(), Code::Malformed);
}

TEST_F(YamlFile, IsReadUpToItsBounds) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(read(nested(kYamlDepthMax + 1)).ok());
  EXPECT_EQ(read(nested(kYamlDepthMax + 2)).code(), Code::Malformed);
  const auto indented = [](std::size_t blanks) { return "a: |\n" + std::string(blanks, ' ') + "text\n"; };
  EXPECT_TRUE(read(indented(kYamlMarksMax)).ok());
  EXPECT_EQ(read(indented(kYamlMarksMax + 1)).code(), Code::Malformed);
  const auto sized = [](std::size_t bytes) { return "a: 1 #" + std::string(bytes - 6, 'x'); };
  EXPECT_TRUE(parse_yaml(sized(kYamlBytesMax)).ok());
  EXPECT_EQ(parse_yaml(sized(kYamlBytesMax + 1)).code(), Code::Malformed);
}

TEST_F(YamlFile, OfOneLongLineIsRead) {
  std::string line = "signature: '[";
  for (int i = 0; i < 1000; ++i) line += R"({"name": "x", "type": "double"}, )";
  EXPECT_TRUE(read(line + "]'\n").ok());
}

TEST_F(YamlFile, IsRefusedWhenItIsNestedDeep) {
  for (const char* each : {"- ", "? ", "[", "{", "{a: ", "[? ", "? [", "? - ", "- ? ", "[: ", "{? "}) {
    std::string text;
    while (text.size() < 200'000) text += each;
    EXPECT_EQ(read(text).code(), Code::Malformed) << each;
    EXPECT_EQ(read("a: 1\nb:\n  " + text).code(), Code::Malformed) << each;
  }
  EXPECT_EQ(read(std::string(100, '[') + std::string(100, ']')).code(), Code::Malformed);
  EXPECT_EQ(read(std::string(500'000, '[')).code(), Code::Malformed);
  EXPECT_EQ(read("&a [*a]").code(), Code::Malformed);
}

TEST_F(YamlFile, IsRefusedAboveOneMebibyte) { EXPECT_EQ(read(std::string(2 << 20, 'x')).code(), Code::TooLarge); }

}  // namespace
}  // namespace modelfs
