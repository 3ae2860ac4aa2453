// What an import may read.
#include "cli/import_roots.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/plan_import.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

namespace fs = std::filesystem;

class Imports : public testing::Test {
 protected:
  Imports() {
    fs::create_directories(outside() + "/secret");
    write(outside() + "/secret/key", "top");
    fs::create_directories(source());
  }
  std::string source() const { return directory_.path() + "/given"; }
  std::string outside() const { return directory_.path() + "/outside"; }
  static void write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << text;
  }
  void register_mlflow(const std::string& location) {
    write(source() + "/models/churn/meta.yaml", "name: churn\n");
    write(source() + "/models/churn/version-1/meta.yaml",
          "version: '1'\nstatus: READY\nstorage_location: " + location + "\n");
  }
  Result<ImportPlan> plan(const std::vector<std::string>& more = {}) { return plan_import(source(), more); }
  // Nothing is taken, and the reason says how it could be.
  void expect_left(std::size_t items = 0) {
    const auto planned = plan();
    ASSERT_TRUE(planned.ok()) << planned.status().message();
    EXPECT_EQ(planned->items.size(), items);
    ASSERT_FALSE(planned->left.empty());
    EXPECT_NE(planned->left.front().reason.find("--artifact-root"), std::string::npos) << planned->left.front().reason;
  }

  TemporaryDirectory directory_;
};

TEST_F(Imports, LeaveModelsOfMlflowThatLieElsewhere) {
  for (const std::string& location : {outside() + "/secret", "file://" + outside() + "/secret"}) {
    register_mlflow(location);
    expect_left();
  }
}

TEST_F(Imports, LeaveModelsOfMlflowThatASymlinkLeadsElsewhere) {
  fs::create_directories(source() + "/0/run");
  fs::create_directory_symlink(outside() + "/secret", source() + "/0/run/artifacts");
  register_mlflow(source() + "/0/run/artifacts");

  expect_left();
}

TEST_F(Imports, LeaveWhatADocumentClimbsTo) {
  register_mlflow(source() + "/models/../../outside/secret");

  expect_left();
}

TEST_F(Imports, TakeModelsBeneathARootThatTheCallerNames) {
  register_mlflow(outside() + "/secret");

  const auto planned = plan({outside()});

  ASSERT_TRUE(planned.ok()) << planned.status().message();
  ASSERT_EQ(planned->items.size(), 1u);
  const auto tree = scan_tree(*planned->items[0].source.beneath, "it");
  ASSERT_TRUE(tree.ok()) << tree.status().message();
  EXPECT_EQ(tree->entries[1].name, "key");
}

TEST_F(Imports, DoNotTellTagsThatASymlinkLeadsElsewhere) {
  write(source() + "/0/run/artifacts/MLmodel", "flavors: {}\n");
  register_mlflow(source() + "/0/run/artifacts");
  fs::create_directory_symlink(outside() + "/secret", source() + "/models/churn/version-1/tags");

  const auto planned = plan();

  ASSERT_EQ(planned->items.size(), 1u);
  EXPECT_EQ(planned->items[0].source.metadata->find("top"), std::string::npos);
}

TEST_F(Imports, ReadNoSymlinkThatCameAfterThePlan) {
  write(source() + "/0/run/artifacts/f", "x");
  register_mlflow(source() + "/0/run/artifacts");
  const auto planned = plan();
  ASSERT_EQ(planned->items.size(), 1u);
  fs::remove_all(source() + "/0/run/artifacts");
  fs::create_directory_symlink(outside() + "/secret", source() + "/0/run/artifacts");

  EXPECT_FALSE(scan_tree(*planned->items[0].source.beneath, "it").ok());
}

TEST_F(Imports, LeaveAModelstoreArchiveThatLiesElsewhere) {
  const std::string store = source() + "/operatorai-model-store/";
  write(store + "churn/versions/a.json", R"({"storage": {"path": "/x/churn/1/artifacts.tar.gz"}})");
  fs::create_directories(store + "churn/1");
  fs::create_symlink(outside() + "/secret/key", store + "churn/1/artifacts.tar.gz");

  expect_left();
}

TEST_F(Imports, LeaveAFormlPackageThatLiesElsewhere) {
  fs::create_directories(source() + "/project/1");
  fs::create_directory_symlink(outside() + "/secret", source() + "/project/1/package.4ml");

  expect_left();
}

TEST_F(Imports, FollowSymlinksThatStayWithin) {
  write(source() + "/elsewhere/f", "x");
  fs::create_directories(source() + "/project/1");
  fs::create_directory_symlink(source() + "/elsewhere", source() + "/project/1/package.4ml");

  const auto planned = plan();

  ASSERT_EQ(planned->items.size(), 1u);
  EXPECT_TRUE(scan_tree(*planned->items[0].source.beneath, "it").ok());
}

}  // namespace
}  // namespace modelfs
