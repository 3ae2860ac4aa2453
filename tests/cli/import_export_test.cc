// What an import and an export take along, what they say that they leave, and how they end.
#include <nlohmann/json.hpp>

#include "cli/plan_import.h"
#include "command_fixture.h"

namespace modelfs {
namespace {

class Exports : public Command {};
class ImportsOfStores : public Command {};

TEST_F(Exports, TakeStatesAlongAndSayWhatTheyLeave) {
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;
  ASSERT_EQ(put("churn/2"), kExitOk) << err_;
  ASSERT_EQ(run({"state", "churn/1", "--set", "production"}), kExitOk) << err_;
  ASSERT_EQ(run({"label", "churn/prod", "1"}), kExitOk) << err_;
  ASSERT_EQ(run({"rm", "churn/2"}), kExitOk) << err_;

  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(run({"export", "--json", "--layout", "modelstore", root_ + "/out"}), kExitOk) << err_;
    const auto report = nlohmann::json::parse(out_);
    ASSERT_EQ(report["left"].size(), 2u) << out_;
    EXPECT_EQ(report["left"][0]["path"], "churn/prod");
    EXPECT_EQ(report["left"][1]["path"], "churn/2");
  }
  const std::string store = root_ + "/out/operatorai-model-store";
  const std::string document = read(store + "/domains/churn.json");
  const std::string id = nlohmann::json::parse(document)["model"]["model_id"];
  EXPECT_EQ(read(store + "/churn/versions/production/" + id + ".json"), document);
  EXPECT_EQ(nlohmann::json::parse(read(store + "/model_states/production.json"))["state_name"], "production");
  ASSERT_EQ(run({"export", "--json", "--layout", "forml", root_ + "/forml"}), kExitOk) << err_;
  EXPECT_EQ(nlohmann::json::parse(out_)["left"].size(), 4u) << out_;
}

TEST_F(ImportsOfStores, TakeStatesAlong) {
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;
  ASSERT_EQ(put("churn/2"), kExitOk) << err_;
  ASSERT_EQ(run({"state", "churn/1", "--set", "production"}), kExitOk) << err_;
  ASSERT_EQ(run({"export", "--layout", "modelstore", root_ + "/out"}), kExitOk) << err_;
  const std::string other = root_ + "/other";
  ASSERT_TRUE(StoreLock::acquire(other, CreateMode::CreateIfAbsent).ok());

  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(run_plain({"modelfs", "import", "--json", root_ + "/out", "--store", other}), kExitOk) << err_;
    EXPECT_EQ(nlohmann::json::parse(out_)["states"], 1) << out_;
    EXPECT_EQ(nlohmann::json::parse(out_)["left"].size(), 0u) << out_;
  }
  ASSERT_EQ(run_plain({"modelfs", "state", "--json", "churn", "--store", other}), kExitOk) << err_;
  const auto states = nlohmann::json::parse(out_);
  ASSERT_EQ(states.size(), 1u);
  EXPECT_EQ(states[0]["state"], "production");
}

TEST_F(ImportsOfStores, FailWhereEverythingConflicted) {
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;
  ASSERT_EQ(run({"export", "--layout", "modelstore", root_ + "/out"}), kExitOk) << err_;
  const std::string id =
      nlohmann::json::parse(read(root_ + "/out/operatorai-model-store/domains/churn.json"))["model"]["model_id"];
  const std::string other = root_ + "/other";
  ASSERT_TRUE(StoreLock::acquire(other, CreateMode::CreateIfAbsent).ok());
  write("model/a.txt", "other content");
  ASSERT_EQ(run_plain({"modelfs", "put", root_ + "/model", "churn/" + id, "--store", other}), kExitOk) << err_;

  EXPECT_EQ(run_plain({"modelfs", "import", root_ + "/out", "--store", other}), kExitFailure);

  EXPECT_NE(out_.find("exists with other content"), std::string::npos) << out_;
  EXPECT_NE(err_.find("nothing was imported"), std::string::npos) << err_;
}

TEST_F(ImportsOfStores, ThatAreNoneSayHowToCopy) {
  EXPECT_EQ(run({"import", store_}), kExitFailure);
  EXPECT_NE(err_.find("a modelfs store"), std::string::npos) << err_;
}

TEST(ImportsOfMounts, AreRefusedWithTheWayToCopy) {
  const auto table = parse_mounts("1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / /m rw - fuse.modelfs /s rw\n");

  for (const char* path : {"/m", "/m/operatorai-model-store", "/m/operatorai-model-store/churn"}) {
    const Status status = check_not_ours(table, path);
    EXPECT_EQ(status.code(), Code::Unsupported) << path;
    EXPECT_NE(status.message().find("modelfs put DIR OTHER/DOMAIN/VERSION"), std::string::npos) << status.message();
  }
  for (const char* path : {"/m/tracking", "/m/tracking/mlruns", "/mm", "/srv/operatorai-model-store"}) {
    EXPECT_TRUE(check_not_ours(table, path).ok()) << path;
  }
}

}  // namespace
}  // namespace modelfs
