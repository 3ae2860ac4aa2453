// The commands as a shell would run them, on a store without a daemon.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "command_fixture.h"
#include "engine/rocksdb/rocksdb_engine.h"
#include "registry/registry.h"

namespace modelfs {
namespace {

TEST_F(Command, PutPrintsNameDigestAndSize) {
  ASSERT_EQ(put("churn/1.2.0"), kExitOk) << err_;

  EXPECT_TRUE(out_.starts_with("churn/1.2.0  sha256:")) << out_;
  EXPECT_TRUE(out_.ends_with("  3 files, 100010 bytes\n")) << out_;
}

TEST_F(Command, PutOfTheSameAgainSaysSo) {
  ASSERT_EQ(put("churn/1.2.0"), kExitOk) << err_;
  ASSERT_EQ(put("churn/1.2.0"), kExitOk) << err_;

  EXPECT_TRUE(out_.ends_with("  already published\n")) << out_;
}

TEST_F(Command, PutCountsWhatLiesInGenerations) {
  fs::create_directories(root_ + "/servable/1/variables");
  fs::create_directories(root_ + "/servable/2");
  write("servable/1/saved_model.pb", "graph");
  write("servable/1/variables/data", "abc");
  write("servable/2/saved_model.pb", "graph two");

  for (const char* end : {", with 2 generations\n", ", with 2 generations  already published\n"}) {
    ASSERT_EQ(run({"put", root_ + "/servable", "churn/1"}), kExitOk) << err_;
    EXPECT_TRUE(out_.ends_with("  3 files, 17 bytes" + std::string(end))) << out_;
  }
  ASSERT_EQ(run({"get", "churn/1", root_ + "/got"}), kExitOk) << err_;
  EXPECT_NE(out_.find("  3 files, 17 bytes, with 2 generations  -> "), std::string::npos) << out_;
}

TEST_F(Command, PutRefusesAnArchiveThatIsNotTakenAsTheMountDoes) {
  write("model.tar.xz", "whatever");
  fs::create_directories(root_ + "/wrapped");
  write("wrapped/model.tar.xz", "whatever");

  EXPECT_EQ(run({"put", root_ + "/model.tar.xz", "churn/1"}), kExitFailure);
  EXPECT_NE(err_.find("archives with the suffix .tar.xz are not taken"), std::string::npos) << err_;
  EXPECT_EQ(run({"put", root_ + "/wrapped", "churn/1"}), kExitOk) << err_;
}

TEST_F(Command, GetWritesNoDirectoryUnderTheNameOfAnArchive) {
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;

  EXPECT_EQ(run({"get", "churn/1", root_ + "/out.tar.xz"}), kExitFailure);
  EXPECT_FALSE(fs::exists(root_ + "/out.tar.xz"));
  EXPECT_EQ(run({"get", "churn/1", root_ + "/out.tar.xz/"}), kExitOk) << err_;
  EXPECT_EQ(read(root_ + "/out.tar.xz/a.txt"), "hello");
}

TEST_F(Command, GetWritesATgzAsATarGz) {
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;

  ASSERT_EQ(run({"get", "churn/1", root_ + "/out.tgz"}), kExitOk) << err_;
  ASSERT_EQ(run({"get", "churn/1", root_ + "/out.tar.gz"}), kExitOk) << err_;

  EXPECT_EQ(read(root_ + "/out.tgz"), read(root_ + "/out.tar.gz"));
}

TEST_F(Command, CommitOfWhatIsPublishedSaysSoAsPutDoes) {
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;
  const std::string published = out_;

  ASSERT_EQ(run({"commit", "churn/1"}), kExitOk) << err_;
  EXPECT_EQ(out_, published.substr(0, published.size() - 1) + "  already published\n");
  ASSERT_EQ(run({"commit", "churn/1", "churn/1"}), kExitOk) << err_;
}

TEST_F(Command, PutNextPrintsTheGeneration) {
  ASSERT_EQ(put("churn/1.2.0"), kExitOk) << err_;
  ASSERT_EQ(run({"put", "--json", root_ + "/model", "churn/1.2.0/next"}), kExitOk) << err_;

  EXPECT_EQ(nlohmann::json::parse(out_)["generation"], 1);
}

TEST_F(Command, GetGivesBackWhatWasPut) {
  const struct timespec times[2] = {{0, UTIME_OMIT}, {1'500'000'000, 123}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (root_ + "/model/a.txt").c_str(), times, 0), 0);
  ASSERT_EQ(::chmod((root_ + "/model/a.txt").c_str(), 0751), 0);
  ASSERT_EQ(put("churn/1.2.0"), kExitOk) << err_;

  ASSERT_EQ(run({"get", "churn/latest", root_ + "/got"}), kExitOk) << err_;

  EXPECT_EQ(read(root_ + "/got/a.txt"), "hello");
  EXPECT_EQ(read(root_ + "/got/big"), std::string(100'000, 'x'));
  EXPECT_TRUE(fs::is_directory(root_ + "/got/empty"));
  EXPECT_EQ(fs::read_symlink(root_ + "/got/link"), "a.txt");
  EXPECT_EQ(fs::hard_link_count(root_ + "/got/b.txt"), 2u);
  struct stat info {};
  ASSERT_EQ(::stat((root_ + "/got/a.txt").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0751u);
  EXPECT_EQ(info.st_mtim.tv_sec, 1'500'000'000);
  EXPECT_EQ(info.st_mtim.tv_nsec, 123);
}

TEST_F(Command, GetBringsGenerationsUnderTheirNumbers) {
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;
  ASSERT_EQ(put("churn/1/next"), kExitOk) << err_;

  ASSERT_EQ(run({"get", "churn/1", root_ + "/all"}), kExitOk) << err_;
  ASSERT_EQ(run({"get", "--no-generations", "churn/1", root_ + "/package"}), kExitOk) << err_;

  EXPECT_EQ(read(root_ + "/all/1/a.txt"), "hello");
  EXPECT_FALSE(fs::exists(root_ + "/package/1"));
}

TEST_F(Command, GetLeavesADestinationAloneThatHasSomethingInIt) {
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;

  EXPECT_EQ(run({"get", "churn/1", root_ + "/model"}), kExitFailure);
  EXPECT_NE(err_.find("not an empty directory"), std::string::npos) << err_;
}

TEST_F(Command, GetOfADamagedReleaseLeavesNothing) {
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;
  for (const auto& entry : fs::recursive_directory_iterator(store_ + "/blobs")) {
    if (!entry.is_regular_file()) continue;
    fs::permissions(entry.path(), fs::perms::owner_all);
    std::fstream(entry.path(), std::ios::in | std::ios::out) << "damaged";
  }

  EXPECT_EQ(run({"get", "churn/1", root_ + "/got"}), kExitFailure);
  EXPECT_NE(err_.find("big"), std::string::npos) << err_;
  EXPECT_FALSE(fs::exists(root_ + "/got"));
  for (const auto& entry : fs::directory_iterator(root_))
    EXPECT_EQ(entry.path().filename().string().find(".modelfs-get"), std::string::npos);
}

TEST_F(Command, VerifyFindsDamageAndFails) {
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;
  EXPECT_EQ(run({"verify"}), kExitOk) << err_;
  for (const auto& entry : fs::recursive_directory_iterator(store_ + "/blobs")) {
    if (!entry.is_regular_file()) continue;
    fs::permissions(entry.path(), fs::perms::owner_all);
    std::fstream(entry.path(), std::ios::in | std::ios::out) << "damaged";
  }

  EXPECT_EQ(run({"verify", "--json"}), kExitFailure);
  EXPECT_EQ(nlohmann::json::parse(out_)["problem_count"], 1);
}

TEST_F(Command, ListsDomainsReleasesAndFiles) {
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;
  ASSERT_EQ(run({"label", "churn/prod", "1"}), kExitOk) << err_;

  ASSERT_EQ(run({"ls", "--json"}), kExitOk) << err_;
  EXPECT_EQ(nlohmann::json::parse(out_)[0]["domain"], "churn");
  ASSERT_EQ(run({"ls", "--json", "churn"}), kExitOk) << err_;
  EXPECT_EQ(nlohmann::json::parse(out_)[0]["labels"][0], "prod");
  ASSERT_EQ(run({"ls", "churn/prod"}), kExitOk) << err_;
  EXPECT_NE(out_.find("link -> a.txt"), std::string::npos) << out_;
}

TEST_F(Command, RmAndRestoreGoThereAndBack) {
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;

  EXPECT_EQ(run({"rm", "churn/1"}), kExitOk) << err_;
  EXPECT_EQ(run({"show", "churn/1"}), kExitNotFound);
  EXPECT_EQ(run({"restore", "churn/1"}), kExitOk) << err_;
  EXPECT_EQ(run({"show", "churn/1"}), kExitOk) << err_;
}

TEST_F(Command, LogSaysWhatHappened) {
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;

  ASSERT_EQ(run({"log", "--json", "-n", "1", "churn"}), kExitOk) << err_;

  const auto records = nlohmann::json::parse(out_);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0]["deed"], "publish");
}

TEST_F(Command, StatusSaysThatNoDaemonRuns) {
  ASSERT_EQ(run({"status", "--json"}), kExitOk) << err_;

  EXPECT_EQ(nlohmann::json::parse(out_)["daemon"], false);
}

TEST_F(Command, NamesTheStoreThatSomebodyHolds) {
  const auto lock = StoreLock::acquire(store_, CreateMode::OpenOnly);
  ASSERT_TRUE(lock.ok());

  EXPECT_EQ(run({"ls"}), kExitFailure);
  EXPECT_NE(err_.find("in use by"), std::string::npos) << err_;
}

TEST_F(Command, ExportWritesReleasesThatModelstoreReads) {
  ::umask(022);
  ASSERT_EQ(put("churn/1.2.0"), kExitOk) << err_;
  ASSERT_EQ(put("churn/1.2.0/next"), kExitOk) << err_;
  ASSERT_EQ(run({"label", "churn/prod", "1.2.0"}), kExitOk) << err_;
  ::umask(022);

  ASSERT_EQ(run({"export", "--layout", "modelstore", "--json", root_ + "/out"}), kExitOk) << err_;

  const auto said = nlohmann::json::parse(out_);
  EXPECT_EQ(said["written"], 1);
  ASSERT_EQ(said["left"].size(), 2u) << out_;
  EXPECT_EQ(said["left"][0]["path"], "churn/1.2.0/1");
  EXPECT_EQ(said["left"][1]["path"], "churn/prod");
  const std::string file = root_ + "/out/" + said["exported"][0]["file"].get<std::string>();
  const auto document = nlohmann::json::parse(read(file));
  EXPECT_EQ(fs::path(file).filename(), document["model"]["model_id"].get<std::string>() + ".json");
  EXPECT_EQ(document["model"]["model_type"]["library"], "model_file");
  EXPECT_EQ(document["storage"]["root"], root_ + "/out");
  EXPECT_TRUE(fs::exists(document["storage"]["path"].get<std::string>()));
  EXPECT_EQ(read(root_ + "/out/operatorai-model-store/domains/churn.json"), read(file));
  // What is written is the user's, although a store is opened with a mask of its own.
  EXPECT_EQ(fs::status(file).permissions(), fs::perms(0644));
  EXPECT_EQ(fs::status(fs::path(file).parent_path()).permissions(), fs::perms(0755));
}

TEST_F(Command, ExportBringsTheNewestOfADomainUpToDateAndNothingElse) {
  const std::string newest = root_ + "/out/operatorai-model-store/domains/churn.json";
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;
  ASSERT_EQ(run({"export", "--layout", "modelstore", root_ + "/out"}), kExitOk) << err_;
  const std::string first = read(newest);
  write("model/a.txt", "other");
  ASSERT_EQ(put("churn/2"), kExitOk) << err_;

  ASSERT_EQ(run({"export", "--layout", "modelstore", root_ + "/out"}), kExitOk) << err_;
  EXPECT_TRUE(out_.ends_with("1 written, 1 there already, 0 not written\n")) << out_;
  EXPECT_NE(read(newest), first);

  std::ofstream(newest) << "{}";
  ASSERT_EQ(run({"export", "--layout", "modelstore", root_ + "/out"}), kExitOk) << err_;
  EXPECT_TRUE(out_.ends_with("0 written, 2 there already, 1 not written\n")) << out_;
  EXPECT_EQ(read(newest), "{}");
}

TEST_F(Command, ExportCarriesADocumentThatModelstoreDoesNotRead) {
  write("mine.json", R"({"auc" : 0.9})");
  ASSERT_EQ(run({"put", "--metadata", root_ + "/mine.json", root_ + "/model", "churn/1"}), kExitOk) << err_;

  ASSERT_EQ(run({"export", "--layout", "modelstore", root_ + "/out"}), kExitOk) << err_;

  const std::string document = read(root_ + "/out/operatorai-model-store/domains/churn.json");
  EXPECT_TRUE(document.ends_with(R"("extra":{"auc" : 0.9}})")) << document;
  ASSERT_EQ(run({"show", "--json", "churn/1"}), kExitOk) << err_;
  EXPECT_EQ(nlohmann::json::parse(document)["modelfs"]["digest"], nlohmann::json::parse(out_)["digest"]);
}

TEST_F(Command, ExportToFormlTakesItsPackagesAndSaysWhatItLeaves) {
  ASSERT_EQ(put("churn/1.0"), kExitOk) << err_;
  write("model/__4ml__.py", "NAME = 'churn'");
  ASSERT_EQ(put("churn/1.1"), kExitOk) << err_;
  ASSERT_EQ(put("churn/v3"), kExitOk) << err_;
  ASSERT_EQ(put("churn/1.1/next"), kExitOk) << err_;

  ASSERT_EQ(run({"export", "--layout", "forml", "--json", "churn", root_ + "/out"}), kExitOk) << err_;

  const auto said = nlohmann::json::parse(out_);
  EXPECT_EQ(said["written"], 2) << out_;
  ASSERT_EQ(said["left"].size(), 2u) << out_;
  EXPECT_EQ(said["left"][0]["path"], "churn/1.0");
  EXPECT_EQ(said["left"][1]["path"], "churn/v3");
  EXPECT_EQ(read(root_ + "/out/churn/1.1/package.4ml/a.txt"), "hello");
  // A generation without a tag is none to ForML.
  EXPECT_TRUE(read(root_ + "/out/churn/1.1/1/tag.toml").starts_with("states = []"));
  ASSERT_EQ(run({"export", "--layout", "forml", root_ + "/out"}), kExitOk) << err_;
  EXPECT_TRUE(out_.ends_with("0 written, 2 there already, 2 not written\n")) << out_;
  fs::remove(root_ + "/out/churn/1.1/package.4ml/a.txt");
  ASSERT_EQ(run({"export", "--layout", "forml", root_ + "/out"}), kExitOk) << err_;
  EXPECT_TRUE(out_.ends_with("0 written, 0 there already, 3 not written\n")) << out_;
}

TEST_F(Command, ExportWaitsForNobodyAndWritesWithNobody) {
  ASSERT_EQ(put("churn/1"), kExitOk) << err_;
  fs::create_directory(root_ + "/out");
  const File other(::open((root_ + "/out").c_str(), O_RDONLY | O_DIRECTORY));
  ASSERT_EQ(::flock(other.fd(), LOCK_EX), 0);

  EXPECT_EQ(run({"export", "--layout", "modelstore", root_ + "/out"}), kExitFailure);

  EXPECT_NE(err_.find("another export"), std::string::npos) << err_;
  EXPECT_TRUE(fs::is_empty(root_ + "/out"));
}

TEST_F(Command, ExportOfNoDomainSaysSo) {
  EXPECT_EQ(run({"export", "--layout", "forml", "nobody", root_ + "/out"}), kExitNotFound);
  EXPECT_EQ(run({"export", "--layout", "forml", "churn/1", root_ + "/out"}), kExitFailure);
}

TEST_F(Command, MountHandsOverWhatWasAsked) {
  EXPECT_EQ(run_plain({"modelfs", "mount", "-o", "ro,allow_other", "/srv/store/", "/m", "-f", "-o", "reserve=1M"}), 42);

  EXPECT_EQ(asked_.store, "/srv/store");
  EXPECT_EQ(asked_.mount_point, "/m");
  EXPECT_TRUE(asked_.read_only && asked_.allow_other && asked_.foreground);
  EXPECT_EQ(asked_.reserve_bytes, 1u << 20);
  EXPECT_EQ(run_plain({"modelfs", "mount", "--volatile", "/m"}), 42);
  EXPECT_TRUE(asked_.volatile_store);
}

class Senseless : public Command, public testing::WithParamInterface<std::vector<std::string>> {};

TEST_P(Senseless, IsAUsageError) {
  auto arguments = GetParam();
  arguments.insert(arguments.begin(), "modelfs");

  EXPECT_EQ(run_plain(arguments), kExitUsage);
  EXPECT_TRUE(err_.starts_with("modelfs: ")) << err_;
}

INSTANTIATE_TEST_SUITE_P(
    , Senseless,
    testing::Values(std::vector<std::string>{}, std::vector<std::string>{"frobnicate"}, std::vector<std::string>{"put"},
                    std::vector<std::string>{"put", "a"}, std::vector<std::string>{"ls", "--frobnicate"},
                    std::vector<std::string>{"export", "a"}, std::vector<std::string>{"export", "--layout", "zip", "a"},
                    std::vector<std::string>{"mount", "a"}, std::vector<std::string>{"mount", "--volatile", "a", "b"},
                    std::vector<std::string>{"mount", "-o", "frobnicate", "a", "b"}));

}  // namespace
}  // namespace modelfs
