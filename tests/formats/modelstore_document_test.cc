#include "formats/modelstore_document.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "formats/metadata_splice.h"

namespace modelfs {
namespace {

using nlohmann::json;

constexpr const char* kDocument =
    R"({"model": {"domain": "fraud", "model_id": "one", "model_type": {"library": "sklearn"}, "parameters": {"c": NaN}}, )"
    R"("storage": {"type": "file_system", "root": "/s", "path": "/s/x"}, "modelstore": "0.0.81", )"
    R"("code": {"runtime": "python:3.11", "user": "ann", "created": "2026/11/21/21:22:47", "dependencies": {}}})";

MetadataFacts facts() {
  MetadataFacts facts;
  facts.domain = "churn";
  facts.model_id = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
  facts.version = "1.2.0";
  facts.published_by = "ann";
  facts.created = TimeNs{1'700'000'000'000'000'000};
  return facts;
}

TEST(ModelstoreDocument, IsReadWithPythonsNumbersInIt) {
  const ModelstoreFacts read = read_modelstore_document(kDocument);

  EXPECT_EQ(read.domain, "fraud");
  EXPECT_EQ(read.model_id, "one");
  EXPECT_EQ(read.created, "2026/11/21/21:22:47");
  EXPECT_EQ(read.path, "/s/x");
  EXPECT_TRUE(read.is_readable);
}

TEST(ModelstoreDocument, WithoutWhatItsReaderNeedsIsNotReadable) {
  const json whole = json::parse(std::string(kDocument).replace(std::string(kDocument).find("NaN"), 3, "1.0"));
  for (const char* path : {"/model", "/model/domain", "/model/model_id", "/model/model_type", "/storage", "/modelstore",
                           "/code/created", "/code/runtime"}) {
    json without = whole;
    const json::json_pointer pointer(path);
    without.at(pointer.parent_pointer()).erase(pointer.back());
    EXPECT_FALSE(read_modelstore_document(without.dump()).is_readable) << path;
  }
  EXPECT_TRUE(read_modelstore_document(whole.dump()).is_readable);
  for (const char* other : {"", "[]", "{", R"({"model": 1, "storage": [], "code": "x"})"}) {
    EXPECT_FALSE(read_modelstore_document(other).is_readable) << other;
  }
}

// Each is the whole document with one member of another value. What modelstore 0.0.81 itself raises for was tried.
struct Odd {
  const char* path;
  const char* value;
};
class OddDocument : public testing::TestWithParam<Odd> {};

json odd_document(const Odd& odd) {
  json whole = json::parse(std::string(kDocument).replace(std::string(kDocument).find("NaN"), 3, "1.0"));
  whole[json::json_pointer(odd.path)] = json::parse(odd.value);
  return whole;
}

TEST_P(OddDocument, IsNotReadable) {
  EXPECT_FALSE(read_modelstore_document(odd_document(GetParam()).dump()).is_readable) << GetParam().path;
}

INSTANTIATE_TEST_SUITE_P(
    , OddDocument,
    testing::Values(Odd{"/code", "null"}, Odd{"/code", R"("x")"}, Odd{"/code/created", R"("2026/13/21/21:22:47")"},
                    Odd{"/code/created", R"("2026/02/29/21:22:47")"}, Odd{"/code/created", R"("2026/11/21/24:22:47")"},
                    Odd{"/code/created", R"("0000/11/21/21:22:47")"}, Odd{"/code/created", "3"},
                    Odd{"/code/dependencies", "[]"}, Odd{"/code/git", "[]"}, Odd{"/storage", R"("x")"},
                    Odd{"/storage", "{}"}, Odd{"/model/parameters", "[1]"}, Odd{"/model/data", R"("x")"},
                    Odd{"/model/data", R"({"features": "x"})"}, Odd{"/model/data", R"({"labels": {"values": 3}})"},
                    Odd{"/model/model_type", R"("x")"}, Odd{"/model/model_type/models", "[{}]"}, Odd{"/extra", "[1]"},
                    Odd{"/extra", R"("x")"}, Odd{"/modelstore", "null"}, Odd{"/model/domain", "3"}));

class RareDocument : public testing::TestWithParam<Odd> {};

TEST_P(RareDocument, IsReadable) {
  EXPECT_TRUE(read_modelstore_document(odd_document(GetParam()).dump()).is_readable) << GetParam().path;
}

INSTANTIATE_TEST_SUITE_P(, RareDocument,
                         testing::Values(Odd{"/storage", "null"}, Odd{"/code/created", R"("2024/02/29/00:00:59")"},
                                         Odd{"/model/parameters", "null"},
                                         Odd{"/model/data", R"({"features": {"shape": [1, 2]}})"},
                                         Odd{"/model/model_type/models", R"([{"library": "sklearn"}])"},
                                         Odd{"/extra", R"({"a": 1})"}, Odd{"/code/git", "{}"}));

TEST(ModelstoreDocument, WithoutATimeIsInNoList) {
  EXPECT_TRUE(read_modelstore_document(R"({"model": {"domain": "d", "model_id": "a"}, "code": {"created": )"
                                       R"("2026/11/21/21:22:47"}})")
                  .is_listed);
  EXPECT_TRUE(read_modelstore_document(R"({"model": {"domain": "d", "model_id": "a"}, "meta": {"created": )"
                                       R"("2020/11/21/21:22:47"}})")
                  .is_listed);
  EXPECT_FALSE(read_modelstore_document(R"({"model": {"domain": "d", "model_id": "a"}})").is_listed);
}

TEST(ModelstoreDocument, OfAReleaseThatCameWithoutOneIsReadable) {
  const std::string document = make_modelstore_document(facts(), "");
  const auto placed = splice_storage(document, "/srv", "/srv/a");

  ASSERT_TRUE(placed.ok()) << placed.status().message();
  const ModelstoreFacts read = read_modelstore_document(*placed);
  EXPECT_TRUE(read.is_readable) << *placed;
  EXPECT_EQ(read.created, "2023/11/14/22:13:20");
  EXPECT_EQ(read.path, "/srv/a");
  EXPECT_EQ(json::parse(*placed)["model"]["model_type"]["library"], "model_file");
  EXPECT_EQ(json::parse(*placed)["modelfs"]["version"], "1.2.0");
}

TEST(ModelstoreDocument, HasTheLibraryThatThePackageNames) {
  MetadataFacts known = facts();
  known.model_info = R"({"library": "sklearn", "type": "Ridge"})";

  EXPECT_EQ(json::parse(make_modelstore_document(known, ""))["model"]["model_type"],
            json::parse(R"({"library": "sklearn", "type": "Ridge"})"));
}

TEST(ModelstoreDocument, CarriesAnotherDocumentAsItIs) {
  const std::string document = make_modelstore_document(facts(), R"({"auc" : NaN, "storage": {"path": "mine"}})");

  EXPECT_TRUE(read_modelstore_document(document).is_readable);
  EXPECT_TRUE(document.ends_with(R"(,"extra":{"auc" : NaN, "storage": {"path": "mine"}}})")) << document;
  EXPECT_TRUE(splice_storage(document, "/r", "/r/p")->ends_with(R"({"path": "mine"}}})"));
}

}  // namespace
}  // namespace modelfs
