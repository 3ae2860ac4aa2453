// What goes for good, and what stays of it.
#include <gtest/gtest.h>

#include "catalog/keys.h"
#include "support/registry_fixture.h"

namespace modelfs {
namespace {

class Purging : public RegistryFixture {
 protected:
  std::size_t count(std::string_view prefix) {
    std::size_t found = 0;
    const auto visit = [&](std::string_view, std::string_view) { return ++found > 0; };
    EXPECT_TRUE(registry_->snapshot()->keys().scan(prefix, "", visit).ok());
    return found;
  }
  std::vector<std::string> deeds(const DomainName& domain) {
    std::vector<std::string> found;
    const auto visit = [&](const HistoryRecord& record) {
      found.push_back(std::string(operation_name(record.operation)) + " " + record.version + " " + record.who);
      return true;
    };
    EXPECT_TRUE(registry_->snapshot()->for_each_history(domain, visit).ok());
    return found;
  }
  void publish_and_remove(const DomainName& domain, const std::string& version, std::string_view bytes) {
    ASSERT_TRUE(publish_bytes(domain, domain.str() + "/" + version, bytes).ok());
    ASSERT_TRUE(registry_->trash().remove(domain, version, kRoot).ok());
  }
  Result<PurgeReport> empty_all() { return registry_->purger().empty_trash(now(), kRoot); }
};

TEST_F(Purging, FreesAReleaseAndItsGenerationsAndKeepsItsTombstone) {
  const DomainName domain = make_domain();
  const std::string large(100'000, 'w');
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", large).ok());
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0/next", "generation").ok());
  ASSERT_TRUE(registry_->trash().remove(domain, "1.0", kRoot).ok());

  const auto report = registry_->purger().purge(domain, "1.0", kRoot);

  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->releases, 1u);
  EXPECT_EQ(report->freed.blobs_removed, 2u);
  EXPECT_EQ(report->freed.bytes_freed, large.size() + 10);
  for (const char* prefix : {"t/", "g/", "m/", "j/", "a/", "k/", "y/"}) EXPECT_EQ(count(prefix), 0u) << prefix;
  EXPECT_EQ(count("T/"), 1u);
  EXPECT_LE(count("b/"), 1u) << "but for the empty one, of files that were made and not written yet";
  EXPECT_EQ(deeds(domain).front(), "purge 1.0 root");
}

TEST_F(Purging, KeepsWhatOthersNeed) {
  const DomainName domain = make_domain();
  const std::string shared(100'000, 's');
  ASSERT_TRUE(publish_bytes(domain, "churn/2.0", shared).ok());
  publish_and_remove(domain, "1.0", shared);

  const auto report = empty_all();

  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->freed.blobs_removed, 0u);
  EXPECT_EQ(read_committed(registry_->snapshot()->release(domain, "2.0")->ino, "weights"), shared);
}

TEST_F(Purging, LetsANameComeBackWithTheSameContentOnly) {
  const DomainName domain = make_domain();
  publish_and_remove(domain, "1.0", "a");
  ASSERT_TRUE(empty_all().ok());

  EXPECT_FALSE(publish_bytes(domain, "churn/1.0", "b").ok());
  EXPECT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
}

TEST_F(Purging, TakesOnlyWhatWasRemovedLongEnoughAgo) {
  const DomainName domain = make_domain();
  publish_and_remove(domain, "1.0", "a");
  const TimeNs between = now();
  publish_and_remove(domain, "1.1", "b");

  EXPECT_EQ(registry_->purger().empty_trash(between, kRoot)->releases, 1u);
  EXPECT_TRUE(registry_->snapshot()->removed(domain, "1.1").ok());
}

TEST_F(Purging, IsForTheOwnerOfTheDomain) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(registry_->domains().set_owner(domain, {0, 0, 0777}, kRoot).ok());
  publish_and_remove(domain, "1.0", "a");

  EXPECT_EQ(registry_->purger().purge(domain, "1.0", kAlice).code(), Code::NotPermitted);
  EXPECT_EQ(registry_->purger().purge(domain, "2.0", kRoot).code(), Code::NotFound);
  EXPECT_TRUE(registry_->purger().purge(domain, "1.0", kRoot).ok());
}

TEST_F(Purging, LeavesWhatIsOpenToALaterGc) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", std::string(100'000, 'o')).ok());
  const Ino ino = registry_->snapshot()->release(domain, "1.0")->ino;
  const auto manifest = registry_->snapshot()->container(ino)->manifest;
  {
    const auto content = registry_->content().open(manifest->at(*manifest->find("weights")));
    ASSERT_TRUE(content.ok());
    ASSERT_TRUE(registry_->trash().remove(domain, "1.0", kRoot).ok());
    EXPECT_EQ(empty_all()->freed.blobs_removed, 0u);
  }

  ASSERT_TRUE(registry_->garbage().collect().ok());
  EXPECT_EQ(registry_->snapshot()->blob(manifest->at(*manifest->find("weights")).hash.digest).code(), Code::NotFound);
}

using RemovedDomains = Purging;

TEST_F(RemovedDomains, LeaveTheirTrashHistoryAndTombstonesForADomainThatIsMadeAgain) {
  const DomainName domain = make_domain();
  publish_and_remove(domain, "1.0", "a");
  ASSERT_TRUE(registry_->domains().remove(domain, kRoot).ok());
  EXPECT_EQ(registry_->snapshot()->domain(domain).code(), Code::NotFound);
  ASSERT_TRUE(registry_->garbage().collect().ok());

  make_domain();

  EXPECT_FALSE(publish_bytes(domain, "churn/1.0", "b").ok()) << "a version names one content for ever";
  EXPECT_TRUE(registry_->trash().restore(domain, "1.0", kRoot).ok());
  EXPECT_EQ(read_committed(registry_->snapshot()->release(domain, "1.0")->ino, "weights"), "a");
  EXPECT_EQ(deeds(domain), (std::vector<std::string>{"restore 1.0 root", "create_domain  root", "remove_domain  root",
                                                     "remove 1.0 root", "publish 1.0 root", "create_domain  root"}));
  EXPECT_TRUE(registry_->verifier().verify("", "", {})->problems.empty());
}

TEST_F(RemovedDomains, GiveTheSpaceOfTheirTrashBack) {
  const DomainName domain = make_domain();
  publish_and_remove(domain, "1.0", "a");
  ASSERT_TRUE(registry_->domains().remove(domain, kRoot).ok());

  const auto report = empty_all();

  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->freed.blobs_removed, 1u);
  EXPECT_TRUE(registry_->verifier().verify("", "", {})->problems.empty());
  make_domain();
  EXPECT_EQ(deeds(domain)[1], "purge 1.0 root");
}

TEST_F(RemovedDomains, AreMadeAgainByTheirOwnerOrRootOnly) {
  const DomainName domain = make_domain();
  publish_and_remove(domain, "1.0", "a");
  ASSERT_TRUE(registry_->domains().remove(domain, kRoot).ok());

  EXPECT_EQ(registry_->domains().create(domain, {1000, 1000, 0755}, kAlice).code(), Code::NotPermitted);
  EXPECT_TRUE(registry_->domains().create(domain, {1000, 1000, 0755}, kRoot).ok());
}

TEST_F(RemovedDomains, InWhichNothingWasPublishedLeaveNothing) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(registry_->domains().remove(domain, kRoot).ok());

  EXPECT_EQ(count("h/") + count("D/"), 0u);
  EXPECT_TRUE(registry_->domains().create(domain, {1000, 1000, 0755}, kAlice).ok());
}

}  // namespace
}  // namespace modelfs
