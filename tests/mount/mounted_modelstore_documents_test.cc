// mount/SEMANTICS.md, "modelstore": the documents of releases that came another way than by its client.
#include "mount/mounted.h"

namespace modelfs {
namespace {

class ModelstoreDocuments : public Mounted {
 protected:
  std::string in_view(const std::string& path) const {
    return mount().point() + "/operatorai-model-store/" + domain_name() + "/" + path;
  }
  // Of the release that was published last.
  std::string newest_document() const {
    return read_file(mount().point() + "/operatorai-model-store/domains/" + domain_name() + ".json");
  }
  // As its client writes one.
  std::string metadata(const std::string& id, const std::string& path) const {
    return R"({"model": {"domain": ")" + domain_name() + R"(", "model_id": ")" + id +
           R"(", "model_type": {"library": "sklearn"}, "parameters": {"c": NaN}}, "storage": {"type": "file_system", )" +
           R"("root": ")" + mount().point() + R"(", "path": ")" + path +
           R"("}, "modelstore": "0.0.81", "code": {"runtime": "python:3.11.2", "user": "root", )" +
           R"("created": "2026/11/21/21:22:47", "dependencies": {}}})";
  }
};

TEST_F(ModelstoreDocuments, ThatTheClientDoesNotReadComeUnderExtra) {
  const std::vector<std::string> documents{R"({"accuracy":0.97})",
                                           R"({"model":"x","code":null})",
                                           "{}",
                                           R"({"storage":{"type":"x"},"created":NaN})",
                                           "{\"deep\":" + std::string(60, '[') + std::string(60, ']') + "}",
                                           "{\"long\":\"" + std::string(1'000'000, 'x') + "\"}",
                                           metadata("of-a-model", "/nowhere")};
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const std::string name = std::to_string(i + 1) + ".0";
    // The last one is said of two models: only one of them has that id.
    if (i + 1 == documents.size()) write_file(at("0.9.json"), documents[i]), publish("0.9", {{"weights", "w"}});
    write_file(at(name + ".json"), documents[i]);
    publish(name, {{"weights", "w"}});

    if (i + 1 < documents.size()) {
      EXPECT_EQ(read_file(at(name + ".json")), documents[i]);  // the last one names a path, which is that of the mount
    }
    const std::string shown = newest_document();
    EXPECT_TRUE(shown.ends_with(",\"extra\":" + documents[i] + "}")) << shown.substr(0, 2000);
    for (const std::string& part :
         {std::string(R"("model_id":")"), std::string(R"("library":")"), std::string(R"("created":")"),
          std::string(R"("modelstore":")"), "\"domain\":\"" + domain_name() + "\"", in_view("")}) {
      EXPECT_NE(shown.find(part), std::string::npos) << part;
    }
  }
  EXPECT_EQ(names_in(in_view("versions")).size(), documents.size() + 1);
}

TEST_F(ModelstoreDocuments, ThatTheClientReadsAreShownAsTheyWereGiven) {
  write_file(at("1.0.json"), metadata("rf-given", "/elsewhere/artifacts.tar.gz"));
  publish("1.0", {{"weights", "w"}});

  EXPECT_EQ(read_file(in_view("versions/rf-given.json")), metadata("rf-given", in_view("rf-given/artifacts.tar.gz")));
  EXPECT_EQ(newest_document(), metadata("rf-given", in_view("rf-given/artifacts.tar.gz")));
}

}  // namespace
}  // namespace modelfs
