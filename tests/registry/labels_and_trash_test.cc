#include <thread>

#include "catalog/keys.h"
#include "support/registry_fixture.h"

namespace modelfs {
namespace {

using Labels = RegistryFixture;
using Removal = RegistryFixture;
using States = RegistryFixture;
using Gc = RegistryFixture;
using Domains = RegistryFixture;

TEST_F(Labels, NameExactlyOneLiveVersion) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());

  EXPECT_TRUE(registry_->labels().set(domain, "prod", "1.0", kRoot).ok());
  EXPECT_EQ(registry_->labels().set(domain, "prod", "2.0", kRoot).code(), Code::InvalidArgument);
  EXPECT_EQ(registry_->labels().set(domain, "prod", "../churn/1.0", kRoot).code(), Code::InvalidArgument);
  EXPECT_EQ(registry_->labels().set(domain, "2.0", "1.0", kRoot).code(), Code::InvalidArgument) << "reads as a version";
  EXPECT_EQ(registry_->labels().set(domain, "latest", "1.0", kRoot).code(), Code::InvalidArgument);
  EXPECT_EQ(registry_->snapshot()->label(domain, "prod")->version, "1.0");
}

TEST_F(Labels, ShareTheNamesOfVersions) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/one", "a").ok());
  ASSERT_TRUE(registry_->labels().set(domain, "prod", "one", kRoot).ok());

  EXPECT_EQ(publish_bytes(domain, "churn/prod", "b").code(), Code::AlreadyExists);
  EXPECT_EQ(registry_->labels().set(domain, "one", "one", kRoot).code(), Code::AlreadyExists);
}

TEST_F(Labels, KeepTheirHistory) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
  ASSERT_TRUE(publish_bytes(domain, "churn/1.1", "b").ok());
  ASSERT_TRUE(registry_->labels().set(domain, "prod", "1.0", kRoot).ok());
  const Ino before = registry_->snapshot()->label(domain, "prod")->ino;
  ASSERT_TRUE(registry_->labels().set(domain, "prod", "1.1", kRoot).ok());
  ASSERT_TRUE(registry_->labels().remove(domain, "prod", kRoot).ok());

  std::vector<std::string> deeds;
  ASSERT_TRUE(registry_->snapshot()
                  ->for_each_history(domain,
                                     [&](const HistoryRecord& record) {
                                       deeds.push_back(std::string(operation_name(record.operation)) + " " +
                                                       record.version + " " + record.previous);
                                       return deeds.size() < 3;
                                     })
                  .ok());
  EXPECT_EQ(deeds.size(), 3u);
  EXPECT_NE(deeds[1].find("1.1 1.0"), std::string::npos);
  EXPECT_EQ(registry_->snapshot()->label(domain, "prod").code(), Code::NotFound);
  EXPECT_NE(before, kNoIno);
}

TEST_F(Labels, GoBackToWhatTheyNamedBefore) {
  const DomainName domain = make_domain();
  for (const char* version : {"1.0", "1.1", "1.2"})
    ASSERT_TRUE(publish_bytes(domain, "churn/" + std::string(version), version).ok());
  EXPECT_EQ(registry_->labels().roll_back(domain, "prod", kRoot).code(), Code::NotFound);
  ASSERT_TRUE(registry_->labels().set(domain, "prod", "1.0", kRoot).ok());
  EXPECT_EQ(registry_->labels().roll_back(domain, "prod", kRoot).code(), Code::NotFound) << "it named none before";
  ASSERT_TRUE(registry_->labels().set(domain, "prod", "1.1", kRoot).ok());
  ASSERT_TRUE(registry_->labels().set(domain, "test", "1.2", kRoot).ok());

  EXPECT_EQ(registry_->labels().roll_back(domain, "prod", kRoot, "it was worse")->version, "1.0");

  HistoryRecord last;
  ASSERT_TRUE(registry_->snapshot()
                  ->for_each_history(domain,
                                     [&](const HistoryRecord& record) {
                                       last = record;
                                       return false;
                                     })
                  .ok());
  EXPECT_EQ(last.previous + " " + last.version + " " + last.reason, "1.1 1.0 it was worse");
  EXPECT_EQ(registry_->labels().roll_back(domain, "prod", kRoot)->version, "1.1") << "and forth";
}

TEST_F(Labels, AndStatesThatAreSetToWhatTheyAreLeaveNoHistory) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
  ASSERT_TRUE(registry_->labels().set(domain, "prod", "1.0", kRoot).ok());
  ASSERT_TRUE(registry_->model_states().set(domain, "1.0", "production", kRoot).ok());
  const Sequence last = registry_->snapshot()->domain(domain)->last;

  ASSERT_TRUE(registry_->labels().set(domain, "prod", "1.0", kRoot).ok());
  ASSERT_TRUE(registry_->model_states().set(domain, "1.0", "production", kRoot).ok());

  EXPECT_EQ(registry_->snapshot()->domain(domain)->last, last);
}

TEST_F(Labels, TakeAReasonThatIsShortText) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
  const std::string longest(modelfs::Labels::kReasonBytesMax, 'x');

  EXPECT_EQ(registry_->labels().set(domain, "prod", "1.0", kRoot, longest + "x").code(), Code::InvalidArgument);
  EXPECT_EQ(registry_->labels().set(domain, "prod", "1.0", kRoot, "\xff").code(), Code::InvalidArgument);
  EXPECT_TRUE(registry_->labels().set(domain, "prod", "1.0", kRoot, longest).ok());
}

TEST_F(States, AreInTheHistoryAndLeaveTheDomainsDirectoryAsItIs) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
  const TimeNs changed = registry_->snapshot()->domain(domain)->changed;
  ASSERT_TRUE(registry_->model_states().set(domain, "1.0", "production", kAlice).code() == Code::Denied);
  ASSERT_TRUE(registry_->model_states().set(domain, "1.0", "production", kRoot).ok());
  ASSERT_TRUE(registry_->model_states().clear(domain, "1.0", "production", kRoot).ok());

  std::string deeds;
  ASSERT_TRUE(registry_->snapshot()
                  ->for_each_history(domain,
                                     [&](const HistoryRecord& record) {
                                       deeds += std::string(operation_name(record.operation)) + " " + record.version +
                                                " " + record.state + "; ";
                                       return true;
                                     })
                  .ok());
  EXPECT_EQ(deeds, "clear_state 1.0 production; set_state 1.0 production; publish 1.0 ; create_domain  ; ");
  EXPECT_EQ(registry_->snapshot()->domain(domain)->changed, changed);
}

TEST_F(Labels, GiveTheirNodeAlongWhenRenamed) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
  ASSERT_TRUE(publish_bytes(domain, "churn/1.1", "b").ok());
  ASSERT_TRUE(registry_->labels().set(domain, "prod", "1.0", kRoot).ok());
  const Ino moved = registry_->labels().set(domain, "CuAb12Cd", "1.1", kRoot)->ino;

  ASSERT_TRUE(registry_->labels().rename(domain, "CuAb12Cd", "prod", true, kRoot).ok());

  EXPECT_EQ(registry_->snapshot()->label(domain, "prod")->version, "1.1");
  EXPECT_EQ(registry_->snapshot()->label(domain, "prod")->ino, moved);
  EXPECT_EQ(registry_->snapshot()->label(domain, "CuAb12Cd").code(), Code::NotFound);
}

TEST_F(Labels, ReplaceNothingWhereTheyMayNot) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
  for (const char* name : {"prod", "test"}) ASSERT_TRUE(registry_->labels().set(domain, name, "1.0", kRoot).ok());

  EXPECT_EQ(registry_->labels().rename(domain, "test", "prod", false, kRoot).code(), Code::AlreadyExists);
  EXPECT_TRUE(registry_->labels().rename(domain, "test", "other", false, kRoot).ok());
}

TEST_F(Labels, AreExchangedInOneCommitAndTheHistoryStaysDense) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
  ASSERT_TRUE(publish_bytes(domain, "churn/1.1", "b").ok());
  const Ino blue = registry_->labels().set(domain, "blue", "1.0", kRoot)->ino;
  const Ino green = registry_->labels().set(domain, "green", "1.1", kRoot)->ino;

  ASSERT_TRUE(registry_->labels().exchange(domain, "blue", "green", kRoot).ok());

  const auto stored = registry_->snapshot();
  EXPECT_EQ(stored->label(domain, "blue")->version, "1.1");
  EXPECT_EQ(stored->label(domain, "blue")->ino, green);
  EXPECT_EQ(stored->label(domain, "green")->version, "1.0");
  EXPECT_EQ(stored->label(domain, "green")->ino, blue);
  EXPECT_EQ(registry_->labels().exchange(domain, "blue", "none", kRoot).code(), Code::NotFound);
  EXPECT_TRUE(registry_->verifier().verify("", "", {})->problems.empty());
}

TEST_F(Removal, TakesAReleaseOutOfLatestAndBack) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
  ASSERT_TRUE(publish_bytes(domain, "churn/1.1", "b").ok());
  ASSERT_TRUE(publish_bytes(domain, "churn/1.1/next", "g").ok());

  ASSERT_TRUE(registry_->trash().remove(domain, "1.1", kRoot).ok());
  EXPECT_EQ(registry_->snapshot()->latest_release(domain)->version, "1.0");
  EXPECT_EQ(registry_->snapshot()->release(domain, "1.1").code(), Code::NotFound);
  EXPECT_TRUE(registry_->snapshot()->removed(domain, "1.1").ok());

  ASSERT_TRUE(registry_->trash().restore(domain, "1.1", kRoot).ok());
  const auto back = registry_->snapshot()->latest_release(domain);
  EXPECT_EQ(back->version, "1.1");
  EXPECT_TRUE(registry_->snapshot()->generation(domain, back->sequence, Generation{1}).ok())
      << "generations come along";
}

TEST_F(Removal, OfALabelledReleaseIsBusy) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
  ASSERT_TRUE(registry_->labels().set(domain, "prod", "1.0", kRoot).ok());

  const Status refused = registry_->trash().remove(domain, "1.0", kRoot);

  EXPECT_EQ(refused.code(), Code::Busy);
  EXPECT_NE(refused.message().find("prod"), std::string::npos);
}

TEST_F(Removal, LetsTheNameComeBackOnlyWithTheSameContent) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
  ASSERT_TRUE(registry_->trash().remove(domain, "1.0", kRoot).ok());

  EXPECT_EQ(publish_bytes(domain, "churn/1.0", "other").code(), Code::AlreadyExists);
  EXPECT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
}

TEST_F(Removal, TwiceOfOneNameKeepsBoth) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
  ASSERT_TRUE(registry_->trash().remove(domain, "1.0", kRoot).ok());
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
  ASSERT_TRUE(registry_->trash().remove(domain, "1.0", kRoot).ok());

  std::vector<std::string> names;
  ASSERT_TRUE(registry_->snapshot()
                  ->for_each_removed(domain,
                                     [&](std::string_view name, const ReleaseRecord&) {
                                       names.emplace_back(name);
                                       return true;
                                     })
                  .ok());
  EXPECT_EQ(names, (std::vector<std::string>{"1.0", "1.0.~2~"}));
}

TEST_F(Removal, RefusesToRestoreOverALiveRelease) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());
  ASSERT_TRUE(registry_->trash().remove(domain, "1.0", kRoot).ok());
  ASSERT_TRUE(publish_bytes(domain, "churn/1.0", "a").ok());

  EXPECT_EQ(registry_->trash().restore(domain, "1.0", kRoot).code(), Code::AlreadyExists);
}

TEST_F(States, SetWhileTheirReleaseIsRemovedLeaveNothingBehind) {
  const DomainName domain = make_domain();
  const auto head = *registry_->snapshot()->domain(domain);
  make_directory(head.modelstore_versions(), "production");
  for (int round = 0; round < 200; ++round) {
    const std::string version = "v" + std::to_string(round);
    ASSERT_TRUE(publish_bytes(domain, "churn/" + version, version).ok());
    std::thread setter([&] { (void)registry_->model_states().set(domain, version, "production", kRoot); });
    EXPECT_TRUE(registry_->trash().remove(domain, version, kRoot).ok());
    setter.join();

    int left = 0;
    const auto count = [&left](std::string_view, std::string_view) { return ++left > 0; };
    ASSERT_TRUE(registry_->snapshot()->keys().scan(keys::all(keys::Kind::Placement), "", count).ok());
    ASSERT_EQ(left, 0) << "in round " << round;
  }
}

TEST_F(Gc, RemovesOnlyWhatNothingRefersTo) {
  const DomainName domain = make_domain();
  const std::string large(200'000, 'x');
  const auto published = publish_bytes(domain, "churn/1.0", large);
  ASSERT_TRUE(published.ok());

  const auto report = registry_->garbage().collect();

  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->blobs_removed, 0u);
  EXPECT_EQ(read_committed(registry_->snapshot()->release(domain, "1.0")->ino, "weights"), large);
}

TEST_F(Domains, AreRemovedOnlyWhenNothingIsInThem) {
  const DomainName domain = make_domain();
  const DomainName other = make_domain("other");
  make_directory(stage(domain), "x");

  EXPECT_EQ(registry_->domains().remove(domain, kRoot).code(), Code::NotEmpty);
  EXPECT_TRUE(registry_->domains().remove(other, kRoot).ok());
  EXPECT_EQ(registry_->snapshot()->domain(other).code(), Code::NotFound);
}

TEST_F(Domains, AreMadeOnce) {
  make_domain();
  const auto again = registry_->domains().create(*DomainName::parse("churn"), {0, 0, 0755}, kRoot);
  EXPECT_EQ(again.code(), Code::AlreadyExists);
}

TEST_F(Domains, ChangeOwnerByTheirOwnerOnly) {
  const DomainName domain = make_domain();
  EXPECT_EQ(registry_->domains().set_owner(domain, {1000, 1000, 0777}, kAlice).code(), Code::NotPermitted);
  EXPECT_TRUE(registry_->domains().set_owner(domain, {1000, 1000, 0777}, kRoot).ok());
  EXPECT_EQ(registry_->snapshot()->domain(domain)->owner.mode, 0777u);
}

}  // namespace
}  // namespace modelfs
