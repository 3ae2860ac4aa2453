#include "catalog/snapshot.h"

#include <gtest/gtest.h>

#include "catalog/keys.h"
#include "catalog/samples.h"
#include "engine/memory/memory_engine.h"

namespace modelfs {
namespace {

class SnapshotReads : public testing::Test {
 protected:
  void put(std::string key, std::string value) {
    Batch batch;
    batch.put(std::move(key), std::move(value));
    ASSERT_TRUE(engine_.keys->commit(batch, Durability::Durable).ok());
  }
  void put_release(const std::string& version, std::uint64_t sequence) {
    ReleaseRecord record;
    record.version = version;
    record.model_id = "id-of-" + version;
    record.sequence = Sequence{sequence};
    put(keys::release(churn_, version), record.encode());
    put(keys::by_sequence(churn_, Sequence{sequence}), version);
    put(keys::model_id(churn_, record.model_id), version);
  }
  Snapshot snapshot() { return Snapshot(*engine_.keys->snapshot()); }

  Engine engine_ = make_memory_engine();
  const DomainName churn_ = *DomainName::parse("churn");
};

TEST_F(SnapshotReads, NameWhatIsMissing) {
  const Snapshot snapshot = this->snapshot();
  const auto says = [](const Status& status) {
    EXPECT_EQ(status.code(), Code::NotFound);
    return status.message();
  };

  EXPECT_EQ(says(snapshot.domain(churn_).status()), "no domain churn");
  EXPECT_EQ(says(snapshot.release(churn_, "1.2.0").status()), "no release 1.2.0 in domain churn");
  EXPECT_EQ(says(snapshot.latest_release(churn_).status()), "no release in domain churn");
  EXPECT_EQ(says(snapshot.release_by_model_id(churn_, "x").status()), "no release with model id x in domain churn");
  EXPECT_EQ(says(snapshot.removed(churn_, "1.2.0").status()), "no removed release 1.2.0 in domain churn");
  EXPECT_EQ(says(snapshot.tombstone(churn_, "1.2.0").status()), "no tombstone of release 1.2.0 in domain churn");
  EXPECT_EQ(says(snapshot.generation(churn_, Sequence{7}, Generation{2}).status()),
            "no generation 2 of the release of commit 7 in domain churn");
  EXPECT_EQ(says(snapshot.label(churn_, "prod").status()), "no label prod in domain churn");
  EXPECT_EQ(says(snapshot.container(Ino{77}).status()), "no manifest of directory 77");
  EXPECT_EQ(says(snapshot.metadata(Ino{77}).status()), "no metadata of directory 77");
  EXPECT_EQ(says(snapshot.blob(digest_of_all(0xaa)).status()), "no blob " + std::string(64, 'a'));
}

TEST_F(SnapshotReads, NameTheRecordThatIsDamaged) {
  put(keys::release(churn_, "1.2.0"), "\x01");

  const auto release = snapshot().release(churn_, "1.2.0");

  EXPECT_EQ(release.code(), Code::Corrupt);
  EXPECT_TRUE(release.status().message().starts_with("release 1.2.0 in domain churn: release record"));
}

TEST_F(SnapshotReads, LatestIsTheLiveReleaseOfTheHighestSequence) {
  put_release("2.0", 255);
  put_release("1.0", 256);
  put_release("3.0", 9);

  const auto latest = snapshot().latest_release(churn_);

  ASSERT_TRUE(latest.ok()) << latest.status().str();
  EXPECT_EQ(latest->version, "1.0");
}

TEST_F(SnapshotReads, LatestThatNamesNothingIsCorrupt) {
  put(keys::by_sequence(churn_, Sequence{1}), "1.0");

  EXPECT_EQ(snapshot().latest_release(churn_).code(), Code::Corrupt);
}

TEST_F(SnapshotReads, FindAReleaseByItsModelId) {
  put_release("1.0", 1);

  const auto release = snapshot().release_by_model_id(churn_, "id-of-1.0");

  ASSERT_TRUE(release.ok());
  EXPECT_EQ(release->version, "1.0");
}

TEST_F(SnapshotReads, DoNotSeeLaterCommits) {
  const Snapshot before = snapshot();
  put_release("1.0", 1);

  EXPECT_EQ(before.release(churn_, "1.0").code(), Code::NotFound);
  EXPECT_TRUE(snapshot().release(churn_, "1.0").ok());
}

TEST_F(SnapshotReads, GiveAContainerWithItsManifestDecoded) {
  ManifestBuilder builder(directory_entry("", Ino{77}));
  builder.add(0, file_entry("a", "abc"));
  put(keys::manifest(Ino{77}),
      ContainerRecord{"churn", "1.0", Sequence{1}, Generation{2}, builder.build()->encode()}.encode());

  const auto container = snapshot().container(Ino{77});

  ASSERT_TRUE(container.ok()) << container.status().str();
  EXPECT_EQ(container->version, "1.0");
  EXPECT_EQ(container->generation, Generation{2});
  EXPECT_TRUE(container->manifest->find("a").ok());
}

TEST_F(SnapshotReads, GiveNoContainerWhoseManifestIsDamaged) {
  put(keys::manifest(Ino{77}), ContainerRecord{"churn", "1.0", Sequence{1}, Generation{0}, "junk"}.encode());

  const auto container = snapshot().container(Ino{77});

  EXPECT_EQ(container.code(), Code::Corrupt);
  EXPECT_TRUE(container.status().message().starts_with("manifest of directory 77: manifest: "));
}

TEST_F(SnapshotReads, ListOneDomainAndNotItsNeighbour) {
  put_release("1.0", 1);
  put_release("1.1", 2);
  put(keys::release(*DomainName::parse("churn2"), "9"), ReleaseRecord{}.encode());
  put(keys::release(*DomainName::parse("chur"), "9"), ReleaseRecord{}.encode());

  std::vector<std::string> versions;
  const Status status = snapshot().for_each_release(churn_, [&](const ReleaseRecord& release) {
    versions.push_back(release.version);
    return true;
  });

  EXPECT_TRUE(status.ok());
  EXPECT_EQ(versions, (std::vector<std::string>{"1.0", "1.1"}));
}

TEST_F(SnapshotReads, ListDomainsLabelsAndTheTrashByName) {
  put(keys::domain(churn_), DomainRecord{}.encode());
  put(keys::domain(*DomainName::parse("fraud")), DomainRecord{}.encode());
  put(keys::label(churn_, "prod"), LabelRecord{}.encode());
  put(keys::removed(churn_, "1.0.~1~"), ReleaseRecord{}.encode());
  std::vector<std::string> seen;

  EXPECT_TRUE(snapshot()
                  .for_each_domain([&](const DomainName& name, const DomainRecord&) {
                    seen.push_back(name.str());
                    return true;
                  })
                  .ok());
  EXPECT_TRUE(snapshot()
                  .for_each_label(churn_,
                                  [&](std::string_view name, const LabelRecord&) {
                                    seen.emplace_back(name);
                                    return true;
                                  })
                  .ok());
  EXPECT_TRUE(snapshot()
                  .for_each_removed(churn_,
                                    [&](std::string_view name, const ReleaseRecord&) {
                                      seen.emplace_back(name);
                                      return true;
                                    })
                  .ok());

  EXPECT_EQ(seen, (std::vector<std::string>{"churn", "fraud", "prod", "1.0.~1~"}));
}

TEST_F(SnapshotReads, ListTheGenerationsOfOneReleaseInOrder) {
  for (const std::uint64_t number : {256u, 2u, 1u}) {
    GenerationRecord record;
    record.number = Generation{number};
    put(keys::generation(churn_, Sequence{7}, record.number), record.encode());
  }
  put(keys::generation(churn_, Sequence{8}, Generation{5}), GenerationRecord{}.encode());

  std::vector<Generation> numbers;
  const Status status = snapshot().for_each_generation(churn_, Sequence{7}, [&](const GenerationRecord& generation) {
    numbers.push_back(generation.number);
    return true;
  });

  EXPECT_TRUE(status.ok());
  EXPECT_EQ(numbers, (std::vector<Generation>{Generation{1}, Generation{2}, Generation{256}}));
}

TEST_F(SnapshotReads, ListHistoryNewestFirstUntilTheVisitorStops) {
  DomainRecord head;
  head.last = Sequence{300};
  put(keys::domain(churn_), head.encode());
  for (std::uint64_t number = 1; number <= 300; ++number) {
    HistoryRecord record;
    record.sequence = Sequence{number};
    put(keys::history(churn_, record.sequence), record.encode());
  }

  std::vector<Sequence> newest;
  const Status status = snapshot().for_each_history(churn_, [&](const HistoryRecord& record) {
    newest.push_back(record.sequence);
    return newest.size() < 2;
  });
  std::size_t all = 0;
  const Status whole = snapshot().for_each_history(churn_, [&](const HistoryRecord&) { return ++all > 0; });

  EXPECT_TRUE(status.ok());
  EXPECT_EQ(newest, (std::vector<Sequence>{Sequence{300}, Sequence{299}}));
  EXPECT_TRUE(whole.ok());
  EXPECT_EQ(all, 300u);
}

TEST_F(SnapshotReads, SayWhenHistoryHasAGap) {
  DomainRecord head;
  head.last = Sequence{1};
  put(keys::domain(churn_), head.encode());

  const Status status = snapshot().for_each_history(churn_, [](const HistoryRecord&) { return true; });

  EXPECT_EQ(status.code(), Code::Corrupt);
  EXPECT_EQ(status.message(), "the history lacks commit 1 in domain churn");
}

TEST_F(SnapshotReads, StopAListAtADamagedRecord) {
  put_release("1.0", 1);
  put(keys::release(churn_, "1.1"), "junk");

  EXPECT_EQ(snapshot().for_each_release(churn_, [](const ReleaseRecord&) { return true; }).code(), Code::Corrupt);
}

}  // namespace
}  // namespace modelfs
