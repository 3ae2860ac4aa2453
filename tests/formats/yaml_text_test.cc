#include "formats/yaml_text.h"

#include <gtest/gtest.h>

#include "base/names.h"

namespace modelfs {
namespace {

// Looks like another encoding to yaml-cpp, which then gives bytes that are no UTF-8.
TEST(YamlText, IsUtf8WhateverEncodingItIsTakenFor) {
  using namespace std::string_literals;
  for (const std::string& text : {"art\x17\0_ataptchgmartiedfa"s, "a\0b\0: \0c\0"s, "\0a\0b"s, "\0\0\0a\0\0\0b"s,
                                  "a\0\0\0b\0\0\0"s, "k: \0\xc3\xa9"s, "\xef\xbb\xbfk: v"s, "k: \"\\xe9\""s,
                                  "k: \"\\ud800\""s, "\"\\udfff\": v"s, "[\"\\U00110000\"]"s}) {
    const auto document = parse_yaml(text);
    if (!document.ok()) {
      EXPECT_EQ(document.code(), Code::Malformed);
      continue;
    }
    EXPECT_NO_THROW(EXPECT_TRUE(is_utf8(document->dump()))) << document.status().message();
  }
}

TEST(YamlText, MayHoldAnyLetter) {
  const auto document = parse_yaml("modèle: größer\n");

  ASSERT_TRUE(document.ok()) << document.status().message();
  EXPECT_EQ((*document)["modèle"], "größer");
}

}  // namespace
}  // namespace modelfs
