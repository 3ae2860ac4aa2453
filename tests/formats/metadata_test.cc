#include "formats/metadata.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "catalog/samples.h"

namespace modelfs {
namespace {

using nlohmann::json;

MetadataFacts facts() {
  MetadataFacts facts;
  facts.domain = "churn";
  facts.model_id = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
  facts.version = "1.2.0";
  facts.digest = digest_of_all(0xaa);
  facts.sequence = Sequence{7};
  facts.files = 2;
  facts.bytes = 123;
  facts.published_by = "ann";
  facts.program = "cp";
  facts.created = TimeNs{1'700'000'000'999'999'999};
  return facts;
}

json made(const MetadataFacts& facts) { return json::parse(make_metadata(facts)); }

TEST(MadeMetadata, HasTheShapeThatModelstoreReads) {
  EXPECT_EQ(make_metadata(facts()), R"({
  "model": {
    "domain": "churn",
    "model_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
  },
  "code": {
    "runtime": "program:cp",
    "user": "ann",
    "created": "2023/11/14/22:13:20",
    "dependencies": {}
  },
  "modelfs": {
    "version": "1.2.0",
    "digest": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "sequence": 7,
    "files": 2,
    "bytes": 123,
    "published_by": "ann"
  }
}
)");
}

TEST(MadeMetadata, NamesTheGenerationAndTheHostWhereTheyAreKnown) {
  MetadataFacts known = facts();
  known.generation = Generation{4};
  known.host = "gpu7";

  const json document = made(known);

  EXPECT_EQ(document["modelfs"]["generation"], 4);
  EXPECT_EQ(document["modelfs"]["host"], "gpu7");
}

TEST(MadeMetadata, SaysUnknownWhereNobodyKnowsTheRuntime) {
  MetadataFacts bare = facts();
  bare.program.clear();

  EXPECT_EQ(made(bare)["code"]["runtime"], "unknown");
}

TEST(MadeMetadata, CountsTimesBefore1970Down) {
  MetadataFacts old = facts();
  old.created = TimeNs{-1};

  EXPECT_EQ(made(old)["code"]["created"], "1969/12/31/23:59:59");
}

TEST(MadeMetadata, TakesRuntimeAndDependenciesFromPythonInfo) {
  MetadataFacts python = facts();
  python.python_info = R"({"runtime": "python:3.8", "user": "bob", "dependencies": {"numpy": "1.24", "scipy": null}})";

  const json code = made(python)["code"];

  EXPECT_EQ(code["runtime"], "python:3.8");
  EXPECT_EQ(code["user"], "ann");
  EXPECT_EQ(code["dependencies"], json({{"numpy", "1.24"}}));
}

TEST(MadeMetadata, TakesABareMapOfPackagesForDependencies) {
  MetadataFacts python = facts();
  python.python_info = R"({"numpy": "1.24", "torch": "2.0", "annoy": null})";

  const json code = made(python)["code"];

  EXPECT_EQ(code["dependencies"], json({{"numpy", "1.24"}, {"torch", "2.0"}}));
  EXPECT_EQ(code["runtime"], "program:cp");
}

TEST(MadeMetadata, AddsPinnedRequirements) {
  MetadataFacts python = facts();
  python.python_info = R"({"numpy": "1.24"})";
  python.requirements =
      "# pinned\r\n"
      "numpy==1.0\n"
      "torch[cuda] == 2.1.0+cu118  # GPU\n"
      "flask==3.0; python_version > '3.8'\n"
      "-r other.txt\n"
      "scipy>=1.0\n"
      "==1\n"
      "a b==1\n"
      "last==1";

  EXPECT_EQ(made(python)["code"]["dependencies"],
            json({{"numpy", "1.24"}, {"torch", "2.1.0+cu118"}, {"flask", "3.0"}, {"last", "1"}}));
}

TEST(MadeMetadata, TakesWhatMlflowSaysOfAModel) {
  MetadataFacts mlflow = facts();
  mlflow.mlmodel =
      "artifact_path: model\n"
      "flavors:\n"
      "  python_function:\n"
      "    loader_module: mlflow.sklearn\n"
      "    python_version: 3.11.2\n"
      "  sklearn:\n"
      "    sklearn_version: 1.4.2\n"
      "mlflow_version: 3.4.0\n";

  const json document = made(mlflow);

  EXPECT_EQ(document["model"]["model_type"], json({{"library", "sklearn"}}));
  EXPECT_EQ(document["code"]["runtime"], "python:3.11.2");
  EXPECT_EQ(document["code"]["dependencies"], json({{"mlflow", "3.4.0"}, {"sklearn", "1.4.2"}}));
}

TEST(MadeMetadata, LeavesOutAnMlmodelThatMakesNoSense) {
  for (const std::string& text :
       {std::string("flavors: [a, b]"), std::string("flavors: {sklearn: 1}"), std::string("{"),
        std::string(100'000, '['), std::string("a: &a [*a]"), std::string("\xff")}) {
    MetadataFacts mlflow = facts();
    mlflow.mlmodel = text;

    EXPECT_FALSE(made(mlflow)["model"].contains("model_type")) << text.substr(0, 20);
  }
}

TEST(MadeMetadata, TakesTimesAndScoreFromATag) {
  MetadataFacts trained = facts();
  trained.tag =
      "states = []\n[training]\ntimestamp = 2026-03-04T05:06:07\nordinal = 42\n"
      "[tuning]\ntimestamp = 2026-03-05T05:06:07\nscore = 0.5\n";

  const json document = made(trained);

  EXPECT_EQ(document["training"], json({{"timestamp", "2026-03-04T05:06:07"}, {"ordinal", "42"}}));
  EXPECT_EQ(document["tuning"], json({{"timestamp", "2026-03-05T05:06:07"}, {"score", "0.5"}}));
}

TEST(MadeMetadata, TakesTheModelTypeFromModelInfo) {
  MetadataFacts sklearn = facts();
  sklearn.model_info = R"({"library": "sklearn", "type": "LogisticRegression"})";

  EXPECT_EQ(made(sklearn)["model"]["model_type"], json({{"library", "sklearn"}, {"type", "LogisticRegression"}}));
}

TEST(MadeMetadata, IgnoresWhatItDoesNotUnderstand) {
  const std::string texts[] = {"",
                               "[]",
                               "{",
                               "7",
                               R"({"library": 7, "runtime": [], "dependencies": "none"})",
                               "\xff",
                               R"({"a": NaN})",
                               R"({"a": "1", "a": "2"})",
                               std::string(100'000, '[')};
  for (const std::string& text : texts) {
    MetadataFacts odd = facts();
    odd.python_info = odd.model_info = odd.requirements = text;
    const json document = made(odd);
    EXPECT_FALSE(document["model"].contains("model_type")) << text.substr(0, 80);
    EXPECT_EQ(document["code"]["runtime"], "program:cp") << text.substr(0, 80);
  }
}

TEST(MadeMetadata, StaysSmallWhateverThePackageHolds) {
  MetadataFacts many = facts();
  many.requirements = "";
  for (int i = 0; i < 15'000; ++i) *many.requirements += "p" + std::to_string(i) + "==1\n";

  EXPECT_EQ(made(many)["code"]["dependencies"].size(), 1000u);
}

TEST(MadeMetadata, SurvivesNamesThatAreNoText) {
  MetadataFacts odd = facts();
  odd.program = "\xff";

  EXPECT_EQ(made(odd)["code"]["runtime"], "program:\xef\xbf\xbd");
}

TEST(PresentedMetadata, SaysWhereThisMountShowsTheRelease) {
  const std::string shown = present_metadata(make_metadata(facts()), {"/m", "/m/churn/1.2.0"});

  EXPECT_TRUE(shown.starts_with("{\n  \"model\": {"));
  EXPECT_LT(shown.find("\"storage\""), shown.find("\"code\""));
  const json document = json::parse(shown);
  EXPECT_EQ(document["storage"], json({{"type", "modelfs"}, {"root", "/m"}, {"path", "/m/churn/1.2.0"}}));
  EXPECT_EQ(document["modelfs"]["version"], "1.2.0");
}

TEST(PresentedMetadata, LeavesAloneWhatItDidNotMake) {
  for (const char* text : {"", "junk", "[1]", "{\"a\": NaN}"}) EXPECT_EQ(present_metadata(text, {"/m", "/m/x"}), text);
}

std::string nested(std::size_t depth) {
  return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
}

class AcceptedMetadata : public testing::TestWithParam<std::string> {};

TEST_P(AcceptedMetadata, IsOk) {
  const Status status = check_given_metadata(GetParam());
  EXPECT_TRUE(status.ok()) << status.str();
}

INSTANTIATE_TEST_SUITE_P(, AcceptedMetadata,
                         testing::Values("{}", " {} \n", R"({"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]})",
                                         R"({"a": NaN, "b": [Infinity,-Infinity,NaN], "c":NaN})",
                                         R"({"NaN": "Infinity \" NaN", "\\": "}"})", R"({"ü": "\u00fc\ud83d\ude00"})",
                                         R"({"a": "[[[["})", nested(kMetadataDepthMax),
                                         "{\"a\":\"" + std::string(kMetadataBytesMax - 8, 'x') + "\"}"));

struct Refusal {
  std::string document;
  std::string reason;
};

class RefusedMetadata : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedMetadata, IsMalformedAndSaysWhere) {
  const Status status = check_given_metadata(GetParam().document);

  EXPECT_EQ(status.code(), Code::Malformed);
  EXPECT_EQ(status.message(), "metadata: " + GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(
    , RefusedMetadata,
    testing::Values(
        Refusal{"", "no valid JSON at byte 0"}, Refusal{"[]", "an array where an object must be at byte 0"},
        Refusal{"\"a\"", "a string where an object must be at byte 2"}, Refusal{"NaN", "no valid JSON at byte 0"},
        Refusal{"{\"a\":1,\"a\":2}", "the key 'a' twice at byte 9"},
        Refusal{"{\"a\":1,\"\\u0061\":2}", "the key 'a' twice at byte 14"},
        Refusal{"{\"a\":[{\"b\":1,\"b\":2}]}", "the key 'b' twice at byte 15"},
        Refusal{"{\"a\":1", "no valid JSON at byte 5"}, Refusal{"{\"a\":1}}", "no valid JSON at byte 7"},
        Refusal{"{\"a\":1NaN}", "no valid JSON at byte 6"}, Refusal{"{\"a\":-NaN}", "no valid JSON at byte 6"},
        Refusal{"{\"a\":NaN1}", "no valid JSON at byte 9"}, Refusal{"{\"a\":Infinit}", "no valid JSON at byte 5"},
        Refusal{"{NaN:1}", "no valid JSON at byte 1"}, Refusal{"{\"a\":1}//", "no valid JSON at byte 7"},
        Refusal{"{\"a\":\"\xff\"}", "no valid JSON at byte 6"}, Refusal{"{\"a\":\"\n\"}", "no valid JSON at byte 6"},
        Refusal{std::string("{}\0x", 4), "NUL at byte 2"},
        Refusal{nested(kMetadataDepthMax + 1), "nested deeper than 64 at byte 68"},
        Refusal{std::string(500'000, '['), "nested deeper than 64 at byte 64"},
        Refusal{"{\"a\":\"" + std::string(kMetadataBytesMax - 7, 'x') + "\"}",
                "larger than 1 MiB: it would go on at byte 1048576"}));

}  // namespace
}  // namespace modelfs
