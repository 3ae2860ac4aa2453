// Each kind of commit, over an engine that applies its shared part first and the host's after it.
#include <gtest/gtest.h>

#include <functional>

#include "catalog/keys.h"
#include "support/ingest_fixture.h"
#include "support/parted_engine.h"

namespace modelfs {
namespace {

const std::string kLarge(100'000, 'x');  // a file in blobs/

class TwoLives : public IngestFixture {
 public:
  using RegistryFixture::write_file;
  void SetUp() override { restart(); }
  void TearDown() override { end(); }  // before what it lies on

  void end() {
    ingest_.reset();
    registry_.reset();
  }
  // The next process, over the same store.
  void restart() {
    end();
    open(parted(disk_, notes_));
  }

  Ino stage() { return RegistryFixture::stage(domain()); }
  static DomainName domain() { return *DomainName::parse("churn"); }
  DomainRecord head() { return *registry_->snapshot()->domain(domain()); }

  Ino make_draft(std::string_view name, std::string_view large = kLarge) {
    const Ino draft = make_directory(stage(), name);
    write_file(draft, "small", name);
    write_file(draft, "large", large);
    return draft;
  }
  Status publish_draft(std::string_view name, std::string_view as) {
    const auto entry = registry_->drafts().tree().lookup(stage(), name);
    return entry.ok() ? publish(entry->ino, stage(), name, as).status() : entry.status();
  }
  void add_release(std::string_view version) {
    make_draft(version, std::string(version) + kLarge);
    ASSERT_TRUE(publish_draft(version, "churn/" + std::string(version)).ok());
  }
  // As modelstore's client uploads it, but for the close that decides.
  static constexpr std::string_view kArchive = "operatorai-model-store/churn/stamp/m1";
  void upload_model() {
    const Ino directory = make_directory(make_directory(head().modelstore(), "stamp"), "m1");
    write_file(directory, "model.onnx", "no archive");
    write_file(head().uploads(), "m1.json",
               R"({"model": {"domain": "churn", "model_id": "m1"}, "storage": {"path": "/m/)" + std::string(kArchive) +
                   R"(/model.onnx"}})");
  }
  Status publish_model() {
    const auto file = registry_->drafts().tree().lookup(head().uploads(), "m1.json");
    if (!file.ok()) return file.status();
    return ingest_->models
        .publish({file->ino, head().uploads(), "m1.json", domain(), *VersionName::parse("m1"), head().modelstore(),
                  "operatorai-model-store/churn", kRoot, nullptr})
        .status();
  }

  // Nothing is lost, nothing is left over.
  void check_store() {
    ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());
    const auto report = registry_->verifier().verify("", "", [](std::uint64_t, std::uint64_t) {});
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_TRUE(report->problems.empty()) << report->problems.front();
    ASSERT_TRUE(registry_->garbage().collect().ok());
    const auto again = registry_->garbage().collect();
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->blobs_removed + again->draft_files_removed, 0u);
    int intents = 0;
    const auto count = [&intents](std::string_view, std::string_view) { return ++intents > 0; };
    ASSERT_TRUE(registry_->snapshot()->keys().scan(keys::all(keys::Kind::Intent), "", count).ok());
    ASSERT_TRUE(registry_->snapshot()->keys().scan(keys::all(keys::Kind::Sweep), "", count).ok());
    EXPECT_EQ(intents, 0) << "what recovery and sweep should have taken away";
  }

  Registry& registry() { return *registry_; }
  bool is_live(std::string_view version) { return registry_->snapshot()->release(domain(), version).ok(); }
  bool is_placed(std::string_view directory, std::string_view name) {
    return registry_->snapshot()->placement(domain(), directory, name).ok();
  }
  bool has_draft(std::string_view name) { return registry_->drafts().tree().lookup(stage(), name).ok(); }

 protected:
  Engine disk_ = make_memory_engine();  // its keys and blobs outlive each process
  PartedNotes notes_;
};

// A kind of commit: what comes before it, the verb, and whether what it does has been done.
struct Verb {
  const char* name;
  std::function<void(TwoLives&)> prepare;
  std::function<Status(TwoLives&)> act;
  std::function<bool(TwoLives&)> is_done;
};

class EveryVerb : public TwoLives, public testing::WithParamInterface<std::size_t> {
 public:
  static const std::vector<Verb>& verbs();

 protected:
  const Verb& verb() const { return verbs()[GetParam()]; }

  void prepare() {
    make_domain();
    verb().prepare(*this);
    ASSERT_FALSE(HasFailure());
    ASSERT_FALSE(verb().is_done(*this)) << "before it began";
  }
};

const std::vector<Verb>& EveryVerb::verbs() {
  static const DomainName churn = TwoLives::domain();
  static const std::string production = "operatorai-model-store/churn/versions/production";
  static const std::vector<Verb> all = {
      {"CreateDomain", [](TwoLives&) {},
       [](TwoLives& t) {
         return t.registry().domains().create(*DomainName::parse("fraud"), {0, 0, 0755}, kRoot).status();
       },
       [](TwoLives& t) { return t.registry().snapshot()->domain(*DomainName::parse("fraud")).ok(); }},
      {"RemoveDomain",
       [](TwoLives& t) {
         ASSERT_TRUE(t.registry().domains().create(*DomainName::parse("fraud"), {0, 0, 0755}, kRoot).ok());
       },
       [](TwoLives& t) { return t.registry().domains().remove(*DomainName::parse("fraud"), kRoot); },
       [](TwoLives& t) { return !t.registry().snapshot()->domain(*DomainName::parse("fraud")).ok(); }},
      {"SetDomainOwner", [](TwoLives&) {},
       [](TwoLives& t) {
         return t.registry().domains().set_owner(churn, {7, 7, 0700}, kRoot).status();
       },
       [](TwoLives& t) { return t.head().owner.uid == 7; }},
      {"Publish", [](TwoLives& t) { t.make_draft("x"); }, [](TwoLives& t) { return t.publish_draft("x", "churn/1.0"); },
       [](TwoLives& t) { return t.is_live("1.0") && !t.has_draft("x"); }},
      {"PublishAFileThatHasANameOutside",
       [](TwoLives& t) {
         const Ino draft = t.make_draft("x");
         const Ino file = t.write_file(draft, "linked", std::string(kLarge) + "y");
         ASSERT_TRUE(t.registry().drafts().tree().link(file, t.stage(), "outside").ok());
       },
       [](TwoLives& t) { return t.publish_draft("x", "churn/1.0"); },
       [](TwoLives& t) { return t.is_live("1.0") && t.has_draft("outside"); }},
      {"PublishAGeneration",
       [](TwoLives& t) {
         t.add_release("1.0");
         t.make_draft("x");
       },
       [](TwoLives& t) { return t.publish_draft("x", "churn/1.0/next"); },
       [](TwoLives& t) {
         return t.registry().snapshot()->release(churn, "1.0")->last_generation == Generation{1} && !t.has_draft("x");
       }},
      {"PublishAModel", [](TwoLives& t) { t.upload_model(); }, [](TwoLives& t) { return t.publish_model(); },
       [](TwoLives& t) { return t.is_live("m1") && t.is_placed(TwoLives::kArchive, "model.onnx"); }},
      {"SetLabel", [](TwoLives& t) { t.add_release("1.0"); },
       [](TwoLives& t) { return t.registry().labels().set(churn, "prod", "1.0", kRoot).status(); },
       [](TwoLives& t) { return t.registry().snapshot()->label(churn, "prod").ok(); }},
      {"RenameLabel",
       [](TwoLives& t) {
         t.add_release("1.0");
         ASSERT_TRUE(t.registry().labels().set(churn, "prod", "1.0", kRoot).ok());
       },
       [](TwoLives& t) { return t.registry().labels().rename(churn, "prod", "old", true, kRoot); },
       [](TwoLives& t) { return t.registry().snapshot()->label(churn, "old").ok(); }},
      {"ExchangeLabels",
       [](TwoLives& t) {
         for (const char* version : {"1.0", "1.1"}) t.add_release(version);
         ASSERT_TRUE(t.registry().labels().set(churn, "prod", "1.0", kRoot).ok());
         ASSERT_TRUE(t.registry().labels().set(churn, "test", "1.1", kRoot).ok());
       },
       [](TwoLives& t) { return t.registry().labels().exchange(churn, "prod", "test", kRoot); },
       [](TwoLives& t) { return t.registry().snapshot()->label(churn, "prod")->version == "1.1"; }},
      {"RemoveLabel",
       [](TwoLives& t) {
         t.add_release("1.0");
         ASSERT_TRUE(t.registry().labels().set(churn, "prod", "1.0", kRoot).ok());
       },
       [](TwoLives& t) { return t.registry().labels().remove(churn, "prod", kRoot); },
       [](TwoLives& t) { return !t.registry().snapshot()->label(churn, "prod").ok(); }},
      {"SetState", [](TwoLives& t) { t.add_release("1.0"); },
       [](TwoLives& t) { return t.registry().model_states().set(churn, "1.0", "production", kRoot); },
       [](TwoLives& t) { return t.registry().model_states().list(churn)->size() == 1; }},
      {"ClearState",
       [](TwoLives& t) {
         t.add_release("1.0");
         ASSERT_TRUE(t.registry().model_states().set(churn, "1.0", "production", kRoot).ok());
       },
       [](TwoLives& t) { return t.registry().model_states().clear(churn, "1.0", "production", kRoot); },
       [](TwoLives& t) { return t.registry().model_states().list(churn)->empty(); }},
      {"Remove",
       [](TwoLives& t) {
         t.upload_model();
         ASSERT_TRUE(t.publish_model().ok());
         ASSERT_TRUE(t.registry().model_states().set(churn, "m1", "production", kRoot).ok());
       },
       [](TwoLives& t) { return t.registry().trash().remove(churn, "m1", kRoot); },
       [](TwoLives& t) { return !t.is_live("m1") && t.registry().model_states().list(churn)->empty(); }},
      {"Restore",
       [](TwoLives& t) {
         t.upload_model();
         ASSERT_TRUE(t.publish_model().ok());
         ASSERT_TRUE(t.registry().model_states().set(churn, "m1", "production", kRoot).ok());
         ASSERT_TRUE(t.registry().trash().remove(churn, "m1", kRoot).ok());
       },
       [](TwoLives& t) { return t.registry().trash().restore(churn, "m1", kRoot); },
       [](TwoLives& t) {
         return t.is_live("m1") && t.is_placed(TwoLives::kArchive, "model.onnx") && t.is_placed(production, "m1.json");
       }},
      {"DropAnArchivesPlacement",
       [](TwoLives& t) {
         t.upload_model();
         ASSERT_TRUE(t.publish_model().ok());
       },
       [](TwoLives& t) { return t.registry().model_states().drop_archive(churn, "m1", kRoot); },
       [](TwoLives& t) { return t.is_live("m1") && !t.is_placed(TwoLives::kArchive, "model.onnx"); }},
      {"ForgetATombstone",
       [](TwoLives& t) {
         t.add_release("1.0");
         ASSERT_TRUE(t.registry().trash().remove(churn, "1.0", kRoot).ok());
       },
       [](TwoLives& t) { return t.registry().model_states().forget_tombstone(churn, "1.0", kRoot); },
       [](TwoLives& t) { return t.registry().snapshot()->tombstone(churn, "1.0")->is_forgotten; }},
  };
  return all;
}

TEST_P(EveryVerb, HasAHostsPartThatCanBeRepeated) {
  prepare();
  const int before = notes_.commits;

  ASSERT_TRUE(verb().act(*this).ok());  // the engine applies it twice

  EXPECT_GT(notes_.commits, before) << "nothing of it is shared";
  EXPECT_TRUE(verb().is_done(*this));
  check_store();
}

TEST_P(EveryVerb, KilledBeforeItsSharedPartHasNotBegun) {
  prepare();
  notes_.kill_at = KillAt::BeforeShared;
  EXPECT_FALSE(verb().act(*this).ok());
  ASSERT_TRUE(notes_.killed);

  restart();

  EXPECT_FALSE(verb().is_done(*this));
  check_store();
  EXPECT_TRUE(verb().act(*this).ok()) << "and can be done";
  EXPECT_TRUE(verb().is_done(*this));
}

TEST_P(EveryVerb, KilledBetweenItsPartsIsDoneByTheNextStart) {
  prepare();
  notes_.kill_at = KillAt::AfterShared;
  (void)verb().act(*this);
  ASSERT_TRUE(notes_.killed);

  restart();

  EXPECT_TRUE(verb().is_done(*this));
  check_store();
}

TEST_P(EveryVerb, KilledBehindItsHostsPartIsDoneOnce) {
  prepare();
  notes_.kill_at = KillAt::AfterHost;
  (void)verb().act(*this);
  ASSERT_TRUE(notes_.killed);

  restart();

  EXPECT_TRUE(verb().is_done(*this));
  check_store();
}

INSTANTIATE_TEST_SUITE_P(, EveryVerb, testing::Range<std::size_t>(0, EveryVerb::verbs().size()),
                         [](const auto& each) { return std::string(EveryVerb::verbs()[each.param].name); });

}  // namespace
}  // namespace modelfs
