#include "formats/metadata_splice.h"

#include <gtest/gtest.h>

#include <string>

namespace modelfs {
namespace {

std::string spliced(std::string_view document) {
  const auto result = splice_storage(document, "/new", "/new/p/artifacts.tar.gz");
  return result.ok() ? *result : "refused: " + result.status().message();
}

TEST(SpliceStorage, ChangesTheTwoTextsAndNoOtherByte) {
  EXPECT_EQ(
      spliced(R"( {"model" : {"root": "/a"},  "storage": {"type": "file_system", "root":"/old", "path" : "/old/x"},)"
              R"( "a": 1.50e0, "root": "/b" } )"),
      R"( {"model" : {"root": "/a"},  "storage": {"type": "file_system", "root":"/new", "path" : )"
      R"("/new/p/artifacts.tar.gz"}, "a": 1.50e0, "root": "/b" } )");
}

TEST(SpliceStorage, TakesThemInEitherOrder) {
  EXPECT_EQ(spliced(R"({"storage": {"path": "a long one", "root": "/o"}})"),
            R"({"storage": {"path": "/new/p/artifacts.tar.gz", "root": "/new"}})");
}

TEST(SpliceStorage, LeavesWhatLooksLikeThemDeeperDown) {
  EXPECT_EQ(
      spliced(R"({"storage": {"at": {"path": "x", "root": "y"}, "list": [{"path": "z"}], "path": "/o"}})"),
      R"({"storage": {"at": {"path": "x", "root": "y"}, "list": [{"path": "z"}], "path": "/new/p/artifacts.tar.gz"}})");
}

TEST(SpliceStorage, KeepsPythonsBareNumbersAndStringsThatLookLikeThem) {
  EXPECT_EQ(
      spliced(R"({"p": [NaN, -Infinity, "NaN, Infinity"], "storage": {"root": "NaN\"", "path": "\\"}, "q": Infinity})"),
      R"({"p": [NaN, -Infinity, "NaN, Infinity"], "storage": {"root": "/new", "path": "/new/p/artifacts.tar.gz"}, )"
      R"("q": Infinity})");
}

TEST(SpliceStorage, WritesAsPythonDoes) {
  const auto result = splice_storage(R"({"storage": {"path": ""}})", "", "/süß/\"x\"");

  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, R"({"storage": {"path": "/s\u00fc\u00df/\"x\""}})");
}

TEST(SpliceStorage, SaysThatThereIsNoPath) {
  for (const char* document :
       {"{}", R"({"storage": {"root": "/o"}})", R"({"storage": {"path": 7}})", R"({"storage": ["path", "x"]})",
        R"({"path": "x"})", R"({"a": {"storage": {"path": "x"}}})"}) {
    EXPECT_EQ(splice_storage(document, "/new", "/new/p").code(), Code::NotFound) << document;
  }
}

TEST(SpliceStorage, RefusesWhatIsNoDocument) {
  for (const char* document :
       {"", "[]", "{", R"({"storage": {"path": "x"}} x)", R"({"storage": {}, "storage": {"path": "x"}})"}) {
    EXPECT_EQ(splice_storage(document, "/new", "/new/p").code(), Code::Malformed) << document;
  }
}

TEST(ReplaceStorage, TakesTheWholeMemberWhateverItIs) {
  const std::string value = R"({"type": "file_system", "root": "/r", "path": "/r/p"})";
  for (const char* given : {R"({"type":"aws:s3","bucket":"b"})", "[1, [2]]", "\"s\"", "null", "1.5", "{}"}) {
    const auto result =
        replace_storage(std::string(R"({"a": [1], "storage" : )") + given + R"( , "b": NaN})", "/r", "/r/p");
    ASSERT_TRUE(result.ok()) << given;
    EXPECT_EQ(*result, R"({"a": [1], "storage" : )" + value + R"( , "b": NaN})");
  }
  EXPECT_EQ(*replace_storage(R"({"storage":1})", "/r", "/r/p"), R"({"storage":)" + value + "}");
}

TEST(ReplaceStorage, AddsTheMemberWhereThereIsNone) {
  const std::string member = R"("storage": {"type": "file_system", "root": "/r", "path": "/r/p"})";

  EXPECT_EQ(*replace_storage(R"( { "a":1})", "/r", "/r/p"), " {" + member + R"(,  "a":1})");
  EXPECT_EQ(*replace_storage("{ }", "/r", "/r/p"), "{" + member + " }");
}

}  // namespace
}  // namespace modelfs
