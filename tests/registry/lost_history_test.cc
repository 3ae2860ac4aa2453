// What must be there if nothing was lost, and that nothing is collected when something was.
#include <string>

#include "catalog/keys.h"
#include "support/registry_on_disk.h"

namespace modelfs {
namespace {

class LostHistory : public RegistryOnDisk {
 protected:
  // Three releases with a file each: commits 2, 3 and 4.
  void SetUp() override {
    RegistryOnDisk::SetUp();
    make_domain();
    for (const char* version : {"churn/1", "churn/2", "churn/3"}) {
      const auto published = publish_bytes(domain_, version, std::string(100'000, version[6]));
      ASSERT_TRUE(published.ok()) << published.status().message();
    }
  }

  // Takes keys away, as a catalog does that lost a part of its log.
  void lose(const std::vector<std::string>& keys) {
    registry_.reset();
    auto engine = open_rocksdb_engine(directory_.path(), {.reserve_bytes = 0});
    ASSERT_TRUE(engine.ok()) << engine.status().message();
    Batch batch;
    for (const std::string& key : keys) batch.erase(key);
    ASSERT_TRUE(engine->keys->commit(batch, Durability::Durable).ok());
    engine = Status(Code::Internal, "closed");
    restart();
  }

  void expect_told(const std::string& what) {
    const auto verified = registry_->verifier().verify("", "", {});
    ASSERT_TRUE(verified.ok()) << verified.status().message();
    ASSERT_EQ(verified->problems.size(), 1u);
    EXPECT_NE(verified->problems.front().find(what), std::string::npos) << verified->problems.front();
    const auto collected = registry_->garbage().collect();
    EXPECT_EQ(collected.code(), Code::Corrupt);
    EXPECT_NE(collected.status().message().find(what), std::string::npos) << collected.status().message();
  }

  const DomainName domain_ = *DomainName::parse("churn");
};

TEST_F(LostHistory, AWholeHistoryIsNoProblem) {
  const auto verified = registry_->verifier().verify("", "", {});

  ASSERT_TRUE(verified.ok()) << verified.status().message();
  EXPECT_TRUE(verified->problems.empty()) << verified->problems.front();
  EXPECT_TRUE(registry_->garbage().collect().ok());
}

TEST_F(LostHistory, ACommitThatIsMissingIsToldAndNothingIsCollected) {
  lose({keys::history(domain_, Sequence{3}), keys::release(domain_, "2")});

  expect_told("of its 4 commits 1 is missing, the first is number 3");
}

TEST_F(LostHistory, TheNewestCommitThatIsMissingIsTold) {
  lose({keys::history(domain_, Sequence{4})});

  expect_told("of its 4 commits 1 is missing, the first is number 4");
}

TEST_F(LostHistory, ADomainThatIsMissingIsTold) {
  lose({keys::domain(domain_)});

  expect_told("it has a history and no record of its own");
}

TEST_F(LostHistory, VerifyOfOneReleaseDoesNotAskForIt) {
  lose({keys::history(domain_, Sequence{4})});

  const auto verified = registry_->verifier().verify("churn", "1", {});

  ASSERT_TRUE(verified.ok()) << verified.status().message();
  EXPECT_TRUE(verified->problems.empty());
}

}  // namespace
}  // namespace modelfs
