// No object goes that something published lies in, whatever happens at the same time.
#include "replica/sweeper.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "catalog/keys.h"
#include "catalog/records.h"
#include "catalog/samples.h"
#include "replica/hosts.h"

namespace modelfs {
namespace {

constexpr SweepOptions kAtOnce{std::chrono::seconds(0), std::chrono::seconds(0), std::chrono::seconds(5), false};

class Sweeps : public Hosts {
 protected:
  // Publishes one file under `m/<ino>`; as a commit of this host, which has the bytes.
  static Status publish(ReplicaHost& host, std::uint64_t ino, const std::string& bytes, bool holds = true) {
    const ContentHash hash = hash_of(bytes_of(bytes));
    BlobRecord blob;
    blob.size_bytes = bytes.size();
    blob.crc32 = hash.crc32;
    blob.is_inline = true;
    blob.bytes = bytes;
    Batch here;
    here.put(keys::blob(hash.digest), blob.encode());
    EXPECT_TRUE(host.disk().commit(here, Durability::Buffered).ok());
    Batch batch;
    batch.expect(keys::manifest(Ino{ino}), holds ? std::nullopt : std::optional<std::string>("another"));
    batch.put(keys::manifest(Ino{ino}), container(bytes));
    Status status;
    // As verbs do: what was void is judged again by what is known then.
    do {
      status = host.keys().commit(batch, Durability::Durable, SpaceNeed::Grows);
    } while (holds && status.code() == Code::Conflict);
    return status;
  }
  static std::string container(const std::string& bytes) {
    ContainerRecord record;
    record.domain = "churn";
    record.version = "1";
    ManifestBuilder builder(directory_entry(""));
    builder.add(0, file_entry("f", bytes));
    record.manifest = builder.build()->encode();
    return record.encode();
  }
  static Status purge(ReplicaHost& host, std::uint64_t ino, const std::string& bytes) {
    Batch batch;
    batch.expect(keys::manifest(Ino{ino}), container(bytes));
    batch.erase(keys::manifest(Ino{ino}));
    return host.keys().commit(batch, Durability::Durable, SpaceNeed::Reclaims);
  }
  static SweepReport sweep_at(ReplicaHost& host, const SweepOptions& options = kAtOnce) {
    const auto report = sweep(host.remote(), host.log(), host.keys(), options);
    EXPECT_TRUE(report.ok()) << report.status().str();
    return report.ok() ? *report : SweepReport();
  }
  // Whether the bucket has the object in which these bytes lie, as `host` knows it.
  bool is_stored(ReplicaHost& host, const std::string& bytes) const {
    const auto value = host.disk().get(keys::location(hash_of(bytes_of(bytes)).digest));
    if (!value.ok()) return false;
    return bucket_->stored(LocationRecord::decode(*value)->object).has_value();
  }
  // The same by the newest that hosts have said: where it lies, another may have changed a moment ago.
  bool is_found(ReplicaHost& host, const std::string& bytes) const {
    for (int tries = 0; tries < 20; ++tries) {
      (void)catch_up(host);
      if (is_stored(host, bytes)) return true;
    }
    return false;
  }
  std::size_t object_count() const {
    std::size_t count = 0;
    for (const std::string& name : bucket_->names()) count += name.starts_with("packs/") ? 1 : 0;
    return count;
  }
};

TEST_F(Sweeps, WhatIsPublishedStays) {
  auto ann = host("ann");
  ASSERT_TRUE(publish(*ann, 1, "one").ok());
  sweep_at(*ann);
  sweep_at(*ann);
  EXPECT_TRUE(is_stored(*ann, "one"));
}

TEST_F(Sweeps, WhatWasPurgedIsCondemnedAndThenRemoved) {
  auto ann = host("ann");
  ASSERT_TRUE(publish(*ann, 1, "one").ok());
  ASSERT_TRUE(purge(*ann, 1, "one").ok());
  EXPECT_EQ(sweep_at(*ann).condemned, 1U);
  EXPECT_EQ(object_count(), 1U);
  EXPECT_EQ(sweep_at(*ann).removed, 1U);
  EXPECT_EQ(object_count(), 0U);
  EXPECT_TRUE(publish(*ann, 2, "one").ok());
  EXPECT_TRUE(is_stored(*ann, "one"));
}

TEST_F(Sweeps, WhatWasNeverPublishedGoesWhenItIsOldAndNotBefore) {
  auto ann = host("ann");
  EXPECT_EQ(publish(*ann, 1, "one", false).code(), Code::Conflict);
  bucket_->store("packs/0123456789abcdef0123456789abcdef", "of one who died");
  SweepOptions options;
  options.grace = std::chrono::seconds(0);
  EXPECT_EQ(sweep_at(*ann, options).condemned, 0U);
  bucket_->advance(options.orphan_age);
  EXPECT_EQ(sweep_at(*ann, options).condemned, 1U);
}

TEST_F(Sweeps, TheGraceIsKept) {
  auto ann = host("ann");
  ASSERT_TRUE(publish(*ann, 1, "one").ok());
  ASSERT_TRUE(purge(*ann, 1, "one").ok());
  SweepOptions options = kAtOnce;
  options.grace = std::chrono::hours(1);
  sweep_at(*ann, options);
  EXPECT_EQ(sweep_at(*ann, options).waiting, 1U);
  EXPECT_EQ(object_count(), 1U);
}

TEST_F(Sweeps, WhatIsCondemnedIsBroughtAnewByWhoPublishesIt) {
  auto ann = host("ann");
  auto bob = host("bob");
  ASSERT_TRUE(publish(*ann, 1, "one").ok());
  ASSERT_TRUE(purge(*ann, 1, "one").ok());
  ASSERT_TRUE(catch_up(*bob).ok());
  EXPECT_EQ(sweep_at(*ann).condemned, 1U);
  ASSERT_TRUE(publish(*bob, 2, "one").ok());
  ASSERT_TRUE(catch_up(*ann).ok());
  sweep_at(*ann);
  EXPECT_TRUE(is_stored(*ann, "one"));
}

TEST_F(Sweeps, ADryRunChangesNothing) {
  auto ann = host("ann");
  ASSERT_TRUE(publish(*ann, 1, "one").ok());
  ASSERT_TRUE(purge(*ann, 1, "one").ok());
  SweepOptions options = kAtOnce;
  options.dry_run = true;
  EXPECT_EQ(sweep_at(*ann, options).condemned, 1U);
  EXPECT_EQ(sweep_at(*ann, options).condemned, 1U);
}

TEST_F(Sweeps, AmongPublishersAndOtherSweepersNothingPublishedIsLost) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  constexpr int kHosts = 4;
  constexpr int kSteps = 2'500;  // of each host
  std::vector<std::unique_ptr<ReplicaHost>> hosts;
  for (int i = 0; i < kHosts; ++i) {
    hosts.push_back(closed_host("host" + std::to_string(i)));
    hosts.back()->uncommitted_max_ = std::chrono::seconds(0);  // as the sweeper has no grace here
    ASSERT_TRUE(hosts.back()->open().ok());
  }
  std::atomic<int> lost = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kHosts; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937_64 random(seed + static_cast<std::uint64_t>(i));
      ReplicaHost& me = *hosts[i];
      std::map<std::uint64_t, std::string> mine;
      std::uint64_t next = static_cast<std::uint64_t>(i + 1) << 32;
      for (int step = 0; step < kSteps; ++step) {
        const std::string bytes = "content " + std::to_string(random() % 5);
        const auto choice = random() % 10;
        if (choice < 5 && mine.size() < 3) {
          if (publish(me, next, bytes).ok()) mine[next] = bytes;
          next += 1;
        } else if (choice < 8 && !mine.empty()) {
          const auto [ino, content] = *mine.begin();
          if (!is_found(me, content)) lost += 1;
          if (purge(me, ino, content).ok()) mine.erase(ino);
        } else if (choice == 8) {
          (void)publish(me, next, bytes, false);
        } else {
          (void)sweep(me.remote(), me.log(), me.keys(), kAtOnce);
        }
      }
      for (const auto& [ino, content] : mine) {
        if (!is_found(me, content)) lost += 1;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(lost, 0);
  for (auto& each : hosts) ASSERT_TRUE(catch_up(*each).ok());
  for (auto& each : hosts) EXPECT_EQ(each->shared(), hosts[0]->shared());
}

}  // namespace
}  // namespace modelfs
