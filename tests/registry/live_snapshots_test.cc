// No snapshot outlives the step that took it.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <vector>

#include "catalog/keys.h"
#include "engine/rocksdb/database.h"
#include "support/counted_snapshots.h"
#include "support/failing_syncs.h"
#include "support/registry_on_disk.h"

namespace modelfs {
namespace {

const std::string kLarge(100'000, 'x');  // a file in blobs/

class LiveSnapshots : public RegistryFixture {
 public:
  using RegistryFixture::stage;
  void SetUp() override {
    open(counted(make_memory_engine(), counts_));
    churn_ = make_domain();
  }
  void TearDown() override { registry_.reset(); }

  const DomainName& churn() const { return *churn_; }
  Registry& registry() { return *registry_; }
  Ino make_draft(std::string_view name) {
    const Ino draft = make_directory(stage(churn()), name);
    write_file(draft, "small", name);
    write_file(draft, "large", std::string(name) + kLarge);
    return draft;
  }
  Status publish_draft(std::string_view name, std::string_view as, HashBudget budget) {
    return publish(make_draft(name), stage(churn()), name, as, budget).status();
  }
  Status publish_archive(std::string_view version) {
    const std::string name = std::string(version) + ".tar";
    const Ino file = write_file(stage(churn()), name, "as if it were one of " + std::string(version));
    const auto sealed = registry_->drafts().sealer().seal(file);
    if (!sealed.ok()) return sealed.status();
    ArchiveOriginal original{**sealed, stage(churn()), name, ".tar"};
    return registry_
        ->publish({make_draft(version), stage(churn()), std::string(version), target("churn/" + std::string(version)),
                   kRoot, HashBudget::Full, nullptr, &original})
        .status();
  }

 protected:
  SnapshotCounts counts_;
  std::optional<DomainName> churn_;
};

struct Step {
  const char* name;
  std::function<Status(LiveSnapshots&)> act;
  Code code = Code::Ok;
};

// In their order: each finds what those before it have left.
const std::vector<Step>& steps() {
  static const std::atomic<bool> never{false};
  static const DomainName fraud = *DomainName::parse("fraud");
  static const std::vector<Step> all = {
      {"create a domain",
       [](auto& t) {
         return t.registry().domains().create(fraud, {0, 0, 0755}, kRoot).status();
       }},
      {"create it again",
       [](auto& t) {
         return t.registry().domains().create(fraud, {0, 0, 0755}, kRoot).status();
       },
       Code::AlreadyExists},
      {"give it away",
       [](auto& t) {
         return t.registry().domains().set_owner(fraud, {7, 7, 0700}, kRoot).status();
       }},
      {"remove it", [](auto& t) { return t.registry().domains().remove(fraud, kRoot); }},
      {"find it no more", [](auto& t) { return t.registry().domains().find(fraud).status(); }, Code::NotFound},
      {"publish by a rename", [](auto& t) { return t.publish_draft("a", "churn/1", HashBudget::Short); }},
      {"publish by command", [](auto& t) { return t.publish_draft("b", "churn/2", HashBudget::Full); }},
      {"publish what is there", [](auto& t) { return t.publish_draft("b", "churn/2", HashBudget::Full); }},
      {"publish a taken version", [](auto& t) { return t.publish_draft("c", "churn/2", HashBudget::Short); },
       Code::AlreadyExists},
      {"publish a generation", [](auto& t) { return t.publish_draft("d", "churn/1/next", HashBudget::Short); }},
      {"publish an archive", [](auto& t) { return t.publish_archive("3"); }},
      {"set a label", [](auto& t) { return t.registry().labels().set(t.churn(), "prod", "1", kRoot).status(); }},
      {"rename it", [](auto& t) { return t.registry().labels().rename(t.churn(), "prod", "old", true, kRoot); }},
      {"set another", [](auto& t) { return t.registry().labels().set(t.churn(), "new", "2", kRoot).status(); }},
      {"exchange them", [](auto& t) { return t.registry().labels().exchange(t.churn(), "old", "new", kRoot); }},
      {"exchange them back", [](auto& t) { return t.registry().labels().exchange(t.churn(), "old", "new", kRoot); }},
      {"remove that", [](auto& t) { return t.registry().labels().remove(t.churn(), "new", kRoot); }},
      {"remove what it names", [](auto& t) { return t.registry().trash().remove(t.churn(), "1", kRoot); }, Code::Busy},
      {"remove it", [](auto& t) { return t.registry().labels().remove(t.churn(), "old", kRoot); }},
      {"list modelstore's layout", [](auto& t) { return t.registry().model_states().use_modelstore(); }},
      {"set a state", [](auto& t) { return t.registry().model_states().set(t.churn(), "2", "production", kRoot); }},
      {"list the states", [](auto& t) { return t.registry().model_states().list(t.churn()).status(); }},
      {"clear it", [](auto& t) { return t.registry().model_states().clear(t.churn(), "2", "production", kRoot); }},
      {"drop an archive's place",
       [](auto& t) { return t.registry().model_states().drop_archive(t.churn(), "3", kRoot); }},
      {"remove a release", [](auto& t) { return t.registry().trash().remove(t.churn(), "2", kRoot); }},
      {"restore it", [](auto& t) { return t.registry().trash().restore(t.churn(), "2", kRoot); }},
      {"remove it again", [](auto& t) { return t.registry().trash().remove(t.churn(), "2", kRoot); }},
      {"forget its tombstone",
       [](auto& t) { return t.registry().model_states().forget_tombstone(t.churn(), "2", kRoot); }},
      {"list drafts", [](auto& t) { return t.registry().draft_list().list(std::nullopt).status(); }},
      {"find a draft", [](auto& t) { return t.registry().draft_list().find("churn/.stage/c", kAlice).status(); }},
      {"find none", [](auto& t) { return t.registry().draft_list().find("churn/.stage/x", kAlice).status(); },
       Code::NotFound},
      {"count archives", [](auto& t) { return t.registry().compactor().count().status(); }},
      {"compact archives", [](auto& t) { return t.registry().compactor().compact_all(never); }},
      {"verify", [](auto& t) { return t.registry().verifier().verify("", "", nullptr).status(); }},
      {"collect garbage", [](auto& t) { return t.registry().garbage().collect().status(); }},
  };
  return all;
}

TEST_F(LiveSnapshots, NoneIsLeftAtTheEndOfAVerb) {
  for (const Step& step : steps()) {
    const Status status = step.act(*this);

    EXPECT_EQ(status.code(), step.code) << step.name << ": " << status.message();
    EXPECT_EQ(counts_.mine(), 0) << step.name;
  }
  EXPECT_GT(counts_.taken(), static_cast<int>(steps().size())) << "else this says nothing";
}

TEST_F(LiveSnapshots, NoneIsHeldByWhoCommits) {
  for (const Step& step : steps()) {
    const int before = counts_.held_in_commits();

    (void)step.act(*this);

    EXPECT_EQ(counts_.held_in_commits(), before) << step.name;
  }
  ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());
  EXPECT_EQ(counts_.held_in_commits(), 0) << "behind";
}

TEST_F(LiveSnapshots, ACommitLooksUpEachFilesHashOnce) {
  const Ino draft = make_draft("a");
  counts_.forget();

  ASSERT_TRUE(publish(draft, stage(churn()), "a", "churn/1", HashBudget::Full).ok());

  EXPECT_EQ(counts_.most_reads_of(keys::all(keys::Kind::DraftHash)), 1);
}

class LiveSnapshotsOnDisk : public RegistryFixture {
 protected:
  void SetUp() override {
    auto engine = open_rocksdb_engine(directory_.path(), {.reserve_bytes = 0});
    ASSERT_TRUE(engine.ok()) << engine.status().message();
    open(counted(std::move(*engine), counts_));
  }
  void TearDown() override {
    failing_syncs = 0;
    registry_.reset();
  }
  SnapshotCounts counts_;
};

TEST_F(LiveSnapshotsOnDisk, AnEngineThatFailsInACommitIsReopenedWithoutWaitingForThatCommit) {
  const DomainName churn = make_domain();
  constexpr int kTries = 5;  // a busy machine may take long to reopen; who waits for himself always does
  bool was_quick = false;
  for (int i = 0; i < kTries && !was_quick; ++i) {
    const std::string name = "x" + std::to_string(i);
    const Ino draft = make_directory(stage(churn), name);
    write_file(draft, "weights", name);
    ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());
    counts_.forget();
    failing_syncs = 1;

    const auto published = publish(draft, stage(churn), name, "churn/" + name, HashBudget::Short);

    EXPECT_LE(failing_syncs, 0) << "no sync has failed";
    EXPECT_TRUE(published.ok()) << published.status().message();
    was_quick = counts_.longest_commit() < Database::kDrainMax;
  }
  EXPECT_TRUE(was_quick);
  EXPECT_EQ(counts_.held_in_commits(), 0);
}

}  // namespace
}  // namespace modelfs
