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
