// What releases take, and which of them pruning moves to the trash.
#include <gtest/gtest.h>

#include "support/registry_fixture.h"

namespace modelfs {
namespace {

class SpaceUsed : public RegistryFixture {
 protected:
  SpaceReport measure(std::string_view domain = "", std::string_view version = "") {
    // What publishing has left of its drafts shares their blobs until it is swept.
    EXPECT_TRUE(registry_->garbage().finish_sweeping().ok());
    const auto all = [](const DomainName&, const DomainRecord&) { return true; };
    const auto report = registry_->space_use(domain, version, all);
    EXPECT_TRUE(report.ok()) << report.status().message();
    return report.ok() ? *report : SpaceReport();
  }
};

TEST_F(SpaceUsed, IsAReleasesOwnOrShared) {
  const DomainName domain = make_domain();
  const std::string shared(100'000, 's');
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", shared).ok());
  ASSERT_TRUE(publish_bytes(domain, "churn/1.1", "own").ok());
  ASSERT_TRUE(publish_bytes(domain, "churn/1.1/next", shared).ok());

  const SpaceReport report = measure("churn");

  ASSERT_EQ(report.rows.size(), 2u);
  EXPECT_EQ(report.rows[0].logical_bytes, 100'000u);
  EXPECT_EQ(report.rows[0].own_bytes, 0u);
  EXPECT_EQ(report.rows[0].shared_bytes, 100'000u);
  EXPECT_EQ(report.rows[0].freeable_bytes, 0u);
  EXPECT_EQ(report.rows[1].logical_bytes, 100'003u);
  EXPECT_EQ(report.rows[1].own_bytes, 3u);
  EXPECT_EQ(report.total.logical_bytes, 200'003u);
  EXPECT_EQ(report.total.own_bytes, 100'003u) << "they share it with each other only";
  EXPECT_EQ(measure("churn", "1.1").rows.at(0).shared_bytes, 100'000u);
}

TEST_F(SpaceUsed, OfADomainHasItsTrashAndThatOfOthersDoesNotCount) {
  const DomainName domain = make_domain();
  const DomainName other = make_domain("other");
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
  ASSERT_TRUE(publish_bytes(other, "other/1.0", "bb").ok());
  ASSERT_TRUE(registry_->trash().remove(domain, "1.0", kRoot).ok());

  const SpaceReport report = measure();

  ASSERT_EQ(report.rows.size(), 2u);
  EXPECT_EQ(report.rows[0].own_bytes, 1u);
  EXPECT_EQ(report.rows[1].own_bytes, 2u);
  EXPECT_EQ(measure("churn").rows.at(0).trash_name, "1.0");
}

class Pruning : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    domain_ = make_domain();
    for (const char* version : {"1.0", "1.1", "1.2", "1.3", "1.4"})
      ASSERT_TRUE(publish_bytes(domain_, "churn/" + std::string(version), version).ok());
  }
  // "1.4: latest, keep-last; 1.3: …", newest first.
  std::string prune(const PruneRule& rule, const Pruner::IsOpen& is_open = {}) {
    const auto verdicts = registry_->pruner().prune(domain_, rule, is_open, kRoot);
    if (!verdicts.ok()) return verdicts.status().message();
    std::string text;
    for (const PruneVerdict& verdict : *verdicts) {
      text += (text.empty() ? "" : "; ") + verdict.version + ":";
      for (const std::string& keeper : verdict.kept_by) text += " " + keeper;
    }
    return text;
  }
  std::size_t live() {
    std::size_t count = 0;
    EXPECT_TRUE(
        registry_->snapshot()->for_each_release(domain_, [&](const ReleaseRecord&) { return ++count > 0; }).ok());
    return count;
  }

  DomainName domain_ = *DomainName::parse("churn");
};

TEST_F(Pruning, KeepsWhatIsHeldAndSaysByWhat) {
  ASSERT_TRUE(registry_->labels().set(domain_, "prod", "1.0", kRoot).ok());
  ASSERT_TRUE(registry_->model_states().set(domain_, "1.1", "staging", kRoot).ok());
  const Ino open = registry_->snapshot()->release(domain_, "1.2")->ino;

  const std::string said = prune({1, {}, false}, [open](Ino container) { return container == open; });

  EXPECT_EQ(said, "1.4: latest keep-last; 1.3:; 1.2: open; 1.1: state staging; 1.0: label prod");
  EXPECT_EQ(live(), 4u);
  EXPECT_TRUE(registry_->snapshot()->removed(domain_, "1.3").ok());
}

TEST_F(Pruning, OnlySaysInADryRun) {
  EXPECT_EQ(prune({2, {}, true}), "1.4: latest keep-last; 1.3: keep-last; 1.2:; 1.1:; 1.0:");
  EXPECT_EQ(live(), 5u);
}

TEST_F(Pruning, KeepsWhatIsYoung) {
  EXPECT_EQ(prune({{}, 3600, false}),
            "1.4: latest keep-within; 1.3: keep-within; 1.2: keep-within; 1.1: keep-within; "
            "1.0: keep-within");
  EXPECT_EQ(prune({{}, 0, false}), "1.4: latest; 1.3:; 1.2:; 1.1:; 1.0:");
}

TEST_F(Pruning, NeedsARuleAndTheRightToPublish) {
  EXPECT_EQ(registry_->pruner().prune(domain_, {}, {}, kRoot).code(), Code::InvalidArgument);
  EXPECT_EQ(registry_->pruner().prune(domain_, {1, {}, true}, {}, kAlice).code(), Code::Denied);
  EXPECT_EQ(live(), 5u);
}

}  // namespace
}  // namespace modelfs
