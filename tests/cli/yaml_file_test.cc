#include "cli/yaml_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_directory.h"

namespace modelfs {
namespace {

using nlohmann::json;

class YamlFile : public testing::Test {
 protected:
  Result<json> read(const std::string& text) {
    const std::string path = directory_.path() + "/meta.yaml";
    std::ofstream(path) << text;
    return read_yaml_file(path);
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

TEST_F(YamlFile, IsRefusedWhenItIsNestedDeep) {
  EXPECT_EQ(read(std::string(100, '[') + std::string(100, ']')).code(), Code::Malformed);
  EXPECT_EQ(read(std::string(500'000, '[')).code(), Code::Malformed);
  EXPECT_EQ(read("&a [*a]").code(), Code::Malformed);
}

TEST_F(YamlFile, IsRefusedAboveOneMebibyte) { EXPECT_EQ(read(std::string(2 << 20, 'x')).code(), Code::TooLarge); }

}  // namespace
}  // namespace modelfs
