// A store that is opened for reading, or whose disk takes no changes when it is opened.
#include "base/disk_refusal.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "catalog/keys.h"
#include "support/registry_on_disk.h"

namespace modelfs {
namespace {

class ReadOnlyRegistry : public RegistryOnDisk {
 protected:
  void SetUp() override {
    restart();
    ASSERT_TRUE(publish_bytes(make_domain(), "churn/1.0", "abc").ok());
    write_file(stage(domain()), "draft", "bytes");
    registry_.reset();
    auto engine = open_rocksdb_engine(directory_.path(), {.reserve_bytes = 0});
    ASSERT_TRUE(engine.ok()) << engine.status().message();
    Batch left;
    left.put(kIntent, std::string(Digest::kSizeBytes, 'x'));
    ASSERT_TRUE(engine->keys->commit(left, Durability::Durable).ok());
  }

  static DomainName domain() { return *DomainName::parse("churn"); }

  void open_for_reading() {
    auto engine = open_rocksdb_engine(directory_.path(), {.reserve_bytes = 0, .read_only = true});
    ASSERT_TRUE(engine.ok()) << engine.status().message();
    auto opened = Registry::open(*std::move(engine), directory_.fd(), {.reserve_bytes = 0, .read_only = true});
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    registry_ = *std::move(opened);
  }

  static constexpr const char* kIntent = "w/1";
};

TEST_F(ReadOnlyRegistry, ReadsReleasesAndDrafts) {
  open_for_reading();

  EXPECT_TRUE(registry_->snapshot()->release(domain(), "1.0").ok());
  EXPECT_EQ(bytes_of_draft(registry_->drafts().tree().lookup(stage(domain()), "draft")->ino), "bytes");
  const auto report = registry_->verifier().verify("", "", {});
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_TRUE(report->problems.empty());
}

TEST_F(ReadOnlyRegistry, RefusesChangesAndLeavesWhatAnEndHasLeft) {
  open_for_reading();

  EXPECT_EQ(registry_->domains().create(*DomainName::parse("other"), {0, 0, 0755}, kRoot).status().host_errno(), EROFS);
  EXPECT_EQ(registry_->garbage().collect().status().host_errno(), EROFS);
  EXPECT_EQ(registry_->drafts().reclaimer().discard(stage(domain()), "draft").host_errno(), EROFS);
  registry_.reset();

  const auto engine = open_rocksdb_engine(directory_.path(), {.reserve_bytes = 0});
  ASSERT_TRUE(engine.ok()) << engine.status().message();
  EXPECT_TRUE(engine->keys->get(kIntent).ok());
}

// Keys that outlive a registry, and take no change while they are told so.
class RefusingStore final : public KeyValueStore {
 public:
  struct Below {
    std::unique_ptr<KeyValueStore> keys;
    bool refuses = false;
  };
  explicit RefusingStore(std::shared_ptr<Below> below) : below_(std::move(below)) {}
  Result<std::shared_ptr<const KeyValueSnapshot>> snapshot() const override { return below_->keys->snapshot(); }
  Result<std::string> get(std::string_view key) const override { return below_->keys->get(key); }
  Status commit(const Batch& batch, Durability durability, SpaceNeed need) override {
    if (below_->refuses) return {Code::NoSpace, "the disk is full"};
    return below_->keys->commit(batch, durability, need);
  }
  std::vector<std::string> verify() override { return below_->keys->verify(); }

 private:
  const std::shared_ptr<Below> below_;
};

class DiskRefusal : public RegistryFixture {
 protected:
  void SetUp() override {
    below_->keys = make_memory_engine().keys;
    open_again();
  }

  void open_again() {
    registry_.reset();
    auto blobs = open_rocksdb_engine(directory_.path(), {.reserve_bytes = 0});
    ASSERT_TRUE(blobs.ok()) << blobs.status().message();
    open(Engine{std::make_unique<RefusingStore>(below_), std::move(blobs->blobs)});
  }

  const std::shared_ptr<RefusingStore::Below> below_ = std::make_shared<RefusingStore::Below>();
};

TEST_F(DiskRefusal, SumsOfBeforeARebootAreNotBelievedThoughTheyCouldNotBeForgotten) {
  const DomainName churn = make_domain();
  const Ino draft = make_directory(stage(churn), "x");
  const Ino file = write_file(draft, "weights", std::string(100'000, 'a'));
  ASSERT_TRUE(below_->keys->get(keys::draft_hash(file)).ok());
  registry_.reset();
  // Power is lost, and with it newer bytes than the hash's.
  char name[32];
  std::snprintf(name, sizeof name, "drafts/%02lx/%lx", raw(file) & 255, raw(file));
  {
    const auto host = open_at(directory_.fd(), name, O_WRONLY);
    ASSERT_TRUE(host.ok()) << host.status().message();
    ASSERT_TRUE(write_at(host->fd(), 0, bytes_of("b")).ok());
  }
  Batch other_boot;
  other_boot.put(keys::kBootId, "another");
  ASSERT_TRUE(below_->keys->commit(other_boot, Durability::Durable).ok());
  below_->refuses = true;
  open_again();
  ASSERT_TRUE(registry_ != nullptr) << "a full disk can be read";

  below_->refuses = false;
  const auto published = publish(draft, stage(churn), "x", "churn/1.0");

  ASSERT_TRUE(published.ok()) << published.status().message();
  const auto report = registry_->verifier().verify("", "", {});
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_TRUE(report->problems.empty()) << report->problems.front();
}

}  // namespace
}  // namespace modelfs
