// Commits of which is known later whether they took place.
#include "registry/commit_doubts.h"

#include <atomic>

#include "support/becomes_true.h"
#include "support/registry_fixture.h"
#include "support/uncertain_store.h"

namespace modelfs {
namespace {

class Doubts : public RegistryFixture {
 protected:
  void SetUp() override {
    Engine engine = make_memory_engine();
    auto keys = std::make_unique<UncertainStore>(std::move(engine.keys));
    keys_ = keys.get();
    engine.keys = std::move(keys);
    open(std::move(engine));
    domain_ = make_domain();
    draft_ = make_directory(stage(*domain_), "x");
    write_file(draft_, "weights", "abc");
  }

  Result<Published> publish_uncertainly(bool takes_place) {
    keys_->go_away_in_next(takes_place);
    return registry_->publish(
        {draft_, stage(*domain_), "x", target("churn/1"), kRoot, HashBudget::Full, [this](const Published& published) {
           EXPECT_EQ(published.containers.front().first, draft_);
           ++told_;
         }});
  }
  bool is_published() { return registry_->snapshot()->release(*domain_, "1").ok(); }
  // Of the file in the draft.
  Code opened_for_writing() {
    const auto file = registry_->drafts().tree().lookup(draft_, "weights");
    return file.ok() ? registry_->drafts().files().open(file->ino, true, 0).code() : file.code();
  }

  UncertainStore* keys_ = nullptr;
  std::optional<DomainName> domain_;
  Ino draft_ = kNoIno;
  std::atomic<int> told_ = 0;
};

TEST_F(Doubts, OfACommitThatTookPlaceAreToldToWhoeverShowsItsDraft) {
  ASSERT_EQ(publish_uncertainly(true).code(), Code::Uncertain);
  EXPECT_EQ(told_, 0);

  keys_->come_back();

  EXPECT_TRUE(becomes_true([&] { return is_published() && told_ == 1; }));
}

TEST_F(Doubts, OfACommitThatDidNotTakePlaceGiveTheDraftBack) {
  ASSERT_EQ(publish_uncertainly(false).code(), Code::Uncertain);
  EXPECT_NE(opened_for_writing(), Code::Ok);

  keys_->come_back();

  EXPECT_TRUE(becomes_true([&] { return !is_published() && opened_for_writing() == Code::Ok; }));
  EXPECT_EQ(told_, 0);
}

TEST_F(Doubts, AreToldToNobodyOnceTheRegistryIsToEnd) {
  ASSERT_EQ(publish_uncertainly(true).code(), Code::Uncertain);

  registry_->prepare_to_end();
  keys_->come_back();

  EXPECT_TRUE(is_published());
  ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());
  EXPECT_EQ(told_, 0);
}

TEST_F(Doubts, OfARemovalThatTookPlaceLeaveTheReleaseInTheTrash) {
  ASSERT_TRUE(publish(draft_, stage(*domain_), "x", "churn/1").ok());
  keys_->go_away_in_next(true);

  EXPECT_EQ(registry_->trash().remove(*domain_, "1", kRoot).code(), Code::Uncertain);

  keys_->come_back();
  EXPECT_TRUE(registry_->snapshot()->removed(*domain_, "1").ok());
}

}  // namespace
}  // namespace modelfs
