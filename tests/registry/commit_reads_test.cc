// What a commit asks the store for.
#include <map>
#include <mutex>

#include "catalog/keys.h"
#include "support/counting_store.h"
#include "support/registry_fixture.h"

namespace modelfs {
namespace {

// What the registry's store needs until its end.
struct HashReads {
  // How often each stored hash of a draft file was asked for, by whatever thread.
  std::map<std::string, int> counts() {
    const std::lock_guard lock(mutex_);
    return counts_;
  }
  void reset() {
    const std::lock_guard lock(mutex_);
    counts_.clear();
  }

  const ReadObserver observer_{[this](std::string_view key) {
                                 if (!key.starts_with("c/")) return;
                                 const std::lock_guard lock(mutex_);
                                 ++counts_[std::string(key)];
                               },
                               [] {}};
  std::mutex mutex_;
  std::map<std::string, int> counts_;
};

class CommitReads : protected HashReads, public RegistryFixture {
 protected:
  void SetUp() override {
    Engine engine = make_memory_engine();
    keys_ = engine.keys.get();
    engine.keys = std::make_unique<CountingStore>(std::move(engine.keys), observer_);
    open(std::move(engine));
    domain_ = make_domain();
    draft_ = make_directory(stage(*domain_), "x");
  }

  // Publishes the draft; each of `files` must have been looked up `times` times meanwhile.
  void expect_look_ups(const std::vector<Ino>& files, int times, HashBudget budget) {
    reset();
    const auto published = publish(draft_, stage(*domain_), "x", "churn/1.0", budget);
    ASSERT_TRUE(published.ok()) << published.status().message();
    auto seen = counts();
    for (const Ino file : files) EXPECT_EQ(seen[keys::draft_hash(file)], times);
  }

  KeyValueStore* keys_ = nullptr;  // of registry_
  std::optional<DomainName> domain_;
  Ino draft_ = kNoIno;
};

// Too large for the catalog, so that it has a host file and a hash of its own.
const std::string kLarge(100'000, 'x');

TEST_F(CommitReads, LookUpTheHashOfEachFileOnce) {
  std::vector<Ino> files;
  for (const char* name : {"a", "b", "requirements.txt"}) files.push_back(write_file(draft_, name, kLarge + name));
  expect_look_ups(files, 1, HashBudget::Short);
}

TEST_F(CommitReads, LookUpTheHashOfAFileWithTwoNamesOnce) {
  const Ino file = write_file(draft_, "a", kLarge);
  ASSERT_TRUE(registry_->drafts().tree().link(file, draft_, "b").ok());
  ASSERT_TRUE(registry_->drafts().tree().link(file, stage(*domain_), "outside").ok());
  expect_look_ups({file}, 1, HashBudget::Short);
}

TEST_F(CommitReads, LookUpNoHashOfSmallFilesSinceTheirBlobSaysIt) {
  expect_look_ups({write_file(draft_, "a", "small")}, 0, HashBudget::Short);
}

TEST_F(CommitReads, LookUpOnceWhatTheyHashThemselves) {
  const Ino file = write_file(draft_, "a", kLarge);
  Batch batch;
  batch.erase(keys::draft_hash(file));
  ASSERT_TRUE(keys_->commit(batch, Durability::Buffered, SpaceNeed::Reclaims).ok());
  expect_look_ups({file}, 1, HashBudget::Full);
}

}  // namespace
}  // namespace modelfs
