// What hosts agree on, whatever the bucket does to their requests.
#include "replica/commit_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <random>
#include <thread>

#include "catalog/ino_bits.h"
#include "catalog/keys.h"
#include "replica/hosts.h"

namespace modelfs {
namespace {

using CommitLogs = Hosts;
using Kind = RemoteRequest::Kind;

TEST_F(CommitLogs, WhatOneHostCommitsAllHave) {
  auto ann = host("ann");
  auto bob = host("bob");

  ASSERT_TRUE(ann->set("r/x", "", "1").ok());
  ASSERT_TRUE(catch_up(*bob).ok());

  EXPECT_EQ(ann->get("r/x"), "1");
  EXPECT_EQ(bob->get("r/x"), "1");
  EXPECT_EQ(ann->shared(), bob->shared());
}

TEST_F(CommitLogs, AHostThatComesLaterHasAllThatWasBefore) {
  auto ann = host("ann");
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(ann->set("r/" + std::to_string(i), "", "1").ok());

  auto bob = host("bob");

  ASSERT_TRUE(catch_up(*ann).ok());
  EXPECT_EQ(ann->shared(), bob->shared());
}

TEST_F(CommitLogs, WhatIsTheHostsOwnStaysWithIt) {
  auto ann = host("ann");
  auto bob = host("bob");
  Batch batch;
  batch.expect("r/x", std::nullopt);
  batch.put("r/x", "1");
  batch.put("n/x", "draft");
  ASSERT_TRUE(ann->keys().commit(batch, Durability::Durable, SpaceNeed::Grows).ok());
  ASSERT_TRUE(catch_up(*bob).ok());

  EXPECT_EQ(ann->get("n/x"), "draft");
  EXPECT_EQ(bob->get("n/x"), "");
  EXPECT_EQ(bob->get("r/x"), "1");
}

TEST_F(CommitLogs, HostsCountInodeNumbersInNumbersOfTheirOwn) {
  auto ann = host("ann");
  auto bob = host("bob");

  const auto first = *parse_be64(ann->get("I")) >> kInoCounterBits;
  const auto second = *parse_be64(bob->get("I")) >> kInoCounterBits;

  EXPECT_EQ(first, 1U);
  EXPECT_EQ(second, 2U);
}

TEST_F(CommitLogs, OfEightHostsThatWantOneNameOneGetsIt) {
  constexpr int kRounds = 60;
  std::vector<std::unique_ptr<ReplicaHost>> hosts;
  for (int i = 0; i < 8; ++i) hosts.push_back(host("host" + std::to_string(i)));
  std::barrier sync(8);
  std::vector<std::vector<Code>> answers(8, std::vector<Code>(kRounds));
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        sync.arrive_and_wait();
        answers[i][round] = hosts[i]->set("r/" + std::to_string(round), "", hosts[i]->name()).code();
      }
    });
  }
  for (auto& thread : threads) thread.join();

  for (auto& each : hosts) ASSERT_TRUE(catch_up(*each).ok());
  for (int round = 0; round < kRounds; ++round) {
    int winners = 0;
    for (int i = 0; i < 8; ++i) {
      if (answers[i][round] == Code::Ok) {
        winners += 1;
        EXPECT_EQ(hosts[0]->get("r/" + std::to_string(round)), hosts[i]->name());
      } else {
        EXPECT_EQ(answers[i][round], Code::Conflict);
      }
    }
    EXPECT_EQ(winners, 1);
  }
  for (auto& each : hosts) EXPECT_EQ(each->shared(), hosts[0]->shared());
}

TEST_F(CommitLogs, CommitsOfOneHostShareARecordAndEachHearsItsOwnAnswer) {
  auto ann = host("ann");
  constexpr int kThreads = 16;
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 20; ++n) {
        const std::string key = "r/" + std::to_string(n) + "/" + std::to_string(i / 2);
        if (ann->set(key, "", std::to_string(i)).ok()) taken += 1;
      }
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(taken, kThreads / 2 * 20);
  EXPECT_LT(ann->log().state().slots_won, static_cast<std::uint64_t>(taken));
}

TEST_F(CommitLogs, ALostAnswerIsAskedForAgainAndNothingHoldsTwice) {
  auto ann = host("ann");
  std::atomic<int> faults = 3;
  ann->remote().set_faults([&](const RemoteRequest& request) {
    if (request.kind != Kind::PutIfAbsent || !request.is_applied) return RemoteFault::None;
    return faults-- > 0 ? RemoteFault::LoseAnswer : RemoteFault::None;
  });

  EXPECT_TRUE(ann->set("r/x", "", "1").ok());

  auto bob = host("bob");
  ASSERT_TRUE(catch_up(*ann).ok());
  EXPECT_EQ(bob->shared(), ann->shared());
  EXPECT_EQ(ann->log().state().commits, 2U);  // the other is its registration
}

TEST_F(CommitLogs, ARequestThatComesLateFindsItsSlotTaken) {
  auto ann = host("ann");
  auto bob = host("bob");
  ASSERT_TRUE(catch_up(*ann).ok());
  std::atomic<bool> is_first = true;
  ann->remote().set_faults([&](const RemoteRequest& request) {
    if (request.kind != Kind::PutIfAbsent || request.is_applied || !is_first.exchange(false)) return RemoteFault::None;
    EXPECT_TRUE(bob->set("r/x", "", "bob").ok());
    return RemoteFault::ApplyLater;
  });

  EXPECT_EQ(ann->set("r/x", "", "ann").code(), Code::Conflict);
  bucket_->deliver();

  ASSERT_TRUE(catch_up(*bob).ok());
  EXPECT_EQ(bob->get("r/x"), "bob");
  EXPECT_EQ(ann->shared(), bob->shared());
}

TEST_F(CommitLogs, WhatFailsSinceNobodyAnswersIsNeverPublishedLater) {
  auto ann = host("ann");
  auto bob = host("bob");
  ann->remote().set_offline(true);

  EXPECT_EQ(ann->set("r/x", "", "1").code(), Code::Unavailable);
  ann->remote().set_offline(false);
  ASSERT_TRUE(catch_up(*ann).ok());
  EXPECT_TRUE(ann->set("r/y", "", "1").ok());

  ASSERT_TRUE(catch_up(*bob).ok());
  EXPECT_EQ(bob->get("r/x"), "");
  EXPECT_EQ(bob->get("r/y"), "1");
}

// `arrives`: the record is in the log when the bucket goes away.
void expect_unsettled(ReplicaHost& ann, bool arrives) {
  ann.remote().set_faults([&ann, arrives](const RemoteRequest& request) {
    if (request.kind != Kind::PutIfAbsent || request.is_applied != arrives) return RemoteFault::None;
    ann.remote().set_offline(true);
    return arrives ? RemoteFault::LoseAnswer : RemoteFault::LoseRequest;
  });
  EXPECT_EQ(ann.set("r/x", "", "1").code(), Code::Unsettled);
  EXPECT_EQ(ann.log().check_settled().code(), Code::Unsettled);
  ann.remote().set_faults({});
}

TEST_F(CommitLogs, WhatCouldNotBeKnownIsSettledWhenTheBucketIsBack) {
  for (const bool arrives : {false, true}) {
    auto ann = host("ann");
    expect_unsettled(*ann, arrives);
    ann->remote().set_offline(false);

    EXPECT_TRUE(eventually([&] { return ann->log().check_settled().ok(); }));

    EXPECT_EQ(ann->get("r/x"), "1");
    Batch removal;
    removal.expect("r/x", "1");
    removal.erase("r/x");
    ASSERT_TRUE(ann->keys().commit(removal, Durability::Durable, SpaceNeed::Reclaims).ok());
  }
}

TEST_F(CommitLogs, WhatWasUnsettledAndLostItsSlotDoesNotHold) {
  auto ann = host("ann");
  auto bob = host("bob");
  ASSERT_TRUE(catch_up(*ann).ok());
  expect_unsettled(*ann, false);
  ASSERT_TRUE(bob->set("r/x", "", "bob").ok());
  ann->remote().set_offline(false);

  EXPECT_TRUE(eventually([&] { return ann->log().check_settled().ok(); }));

  EXPECT_EQ(ann->get("r/x"), "bob");
  EXPECT_EQ(ann->shared(), bob->shared());
}

TEST_F(CommitLogs, AHostThatDiedWithARecordUnderWaySettlesItAtItsNextStart) {
  for (const bool arrives : {false, true}) {
    auto ann = host("ann");
    Batch batch;
    batch.put("n/draft", "1");
    ASSERT_TRUE(ann->keys().commit(batch, Durability::Durable, SpaceNeed::Grows).ok());
    ann->remote().set_faults([&](const RemoteRequest& request) {
      if (request.kind != Kind::PutIfAbsent || request.is_applied != arrives) return RemoteFault::None;
      ann->remote().set_offline(true);
      return arrives ? RemoteFault::LoseAnswer : RemoteFault::LoseRequest;
    });
    const std::string key = arrives ? "r/arrived" : "r/lost";
    Batch publish;
    publish.expect(key, std::nullopt);
    publish.put(key, "1");
    publish.erase("n/draft");
    EXPECT_EQ(ann->keys().commit(publish, Durability::Durable, SpaceNeed::Grows).code(), Code::Unsettled);
    ann->kill();

    const Status status = ann->open();

    ASSERT_TRUE(status.ok()) << status.str();
    EXPECT_EQ(ann->get(key), "1");
    EXPECT_EQ(ann->get("n/draft"), "");
  }
}

TEST_F(CommitLogs, AHostWithoutTheBucketStartsWithWhatItHas) {
  auto ann = host("ann");
  ASSERT_TRUE(ann->set("r/x", "", "1").ok());
  ann->kill();
  ann->starts_offline_ = true;

  ASSERT_TRUE(ann->open().ok());
  EXPECT_EQ(ann->get("r/x"), "1");
  EXPECT_EQ(ann->set("r/y", "", "1").code(), Code::Unavailable);

  ann->remote().set_offline(false);
  ASSERT_TRUE(catch_up(*ann).ok());
  EXPECT_TRUE(ann->set("r/y", "", "1").ok());
}

TEST_F(CommitLogs, ANewHostNeedsTheBucket) {
  auto ann = closed_host("ann");
  ann->starts_offline_ = true;
  EXPECT_EQ(ann->open().code(), Code::Unavailable);
}

TEST_F(CommitLogs, OfTwoCopiesOfAStoreOnlyTheOneThatWasStartedLastPublishes) {
  auto ann = host("ann");
  ASSERT_TRUE(ann->set("r/x", "", "1").ok());
  auto copy = closed_host("ann");
  copy->take_disk(make_memory_engine().keys);
  Batch everything;
  for (const auto& [key, value] : ann->shared()) everything.put(key, value);
  for (const char* key : {"P", "I"}) everything.put(key, *ann->disk().get(key));
  ASSERT_TRUE(copy->disk().commit(everything, Durability::Durable).ok());

  ASSERT_TRUE(copy->open().ok());
  EXPECT_TRUE(copy->set("r/y", "", "copy").ok());

  EXPECT_NE(ann->set("r/z", "", "ann").code(), Code::Ok);
  EXPECT_TRUE(eventually([&] { return ann->log().state().is_halted; }));
  EXPECT_EQ(ann->set("r/z", "", "ann").code(), Code::Stale);
}

TEST_F(CommitLogs, ALogThatWasChangedBehindIsNotFollowed) {
  auto ann = host("ann");
  auto bob = host("bob");
  ASSERT_TRUE(ann->set("r/x", "", "1").ok());
  ASSERT_TRUE(catch_up(*bob).ok());
  const std::uint64_t next = bob->log().state().next_slot;
  bob->remote().set_offline(true);
  ASSERT_TRUE(ann->set("r/y", "", "1").ok());
  auto record = *LogRecord::decode(*bucket_->stored(log_object(next)));
  record.previous = Digest();
  bucket_->store(log_object(next), record.encode());
  bob->remote().set_offline(false);

  EXPECT_TRUE(eventually([&] { return bob->log().state().is_halted; }));

  EXPECT_EQ(bob->set("r/z", "", "1").code(), Code::Corrupt);
  EXPECT_EQ(bob->get("r/x"), "1");
}

TEST_F(CommitLogs, ASlotWithoutAByteIsVoidForAll) {
  auto ann = host("ann");
  auto bob = host("bob");
  ASSERT_TRUE(catch_up(*ann).ok());
  bucket_->store(log_object(ann->log().state().next_slot), "");

  EXPECT_TRUE(ann->set("r/x", "", "1").ok());

  ASSERT_TRUE(catch_up(*bob).ok());
  EXPECT_EQ(bob->get("r/x"), "1");
  EXPECT_EQ(bob->shared(), ann->shared());
}

TEST_F(CommitLogs, WhatNoHostCouldReadIsNotPutIntoTheLog) {
  auto ann = host("ann");
  Batch empty;
  empty.put("r/x", "");
  EXPECT_EQ(ann->keys().commit(empty, Durability::Durable, SpaceNeed::Grows).code(), Code::InvalidArgument);
  Batch long_and_empty;
  long_and_empty.put("r/x", std::string(1 << 20, 'v'));
  long_and_empty.put("r/y", "");
  EXPECT_EQ(ann->keys().commit(long_and_empty, Durability::Durable, SpaceNeed::Grows).code(), Code::InvalidArgument);
  EXPECT_TRUE(ann->set("r/x", "", "1").ok());
}

TEST_F(CommitLogs, LongChangesLieInAnObjectOfTheirOwn) {
  auto ann = host("ann");
  auto bob = host("bob");
  const std::string value(3 << 20, 'v');

  ASSERT_TRUE(ann->set("j/x", "", value).ok());
  ASSERT_TRUE(catch_up(*bob).ok());

  EXPECT_EQ(bob->get("j/x"), value);
  for (const std::string& name : bucket_->names()) {
    if (name.starts_with("log/")) {
      EXPECT_LT(bucket_->stored(name)->size(), 1000U);
    }
  }
}

// Each host counts a counter of all, and one of its own in the host's part of the same commit.
TEST_F(CommitLogs, UnderRandomFaultsNothingIsLostAndNothingHoldsTwice) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  constexpr int kHosts = 5;
  std::vector<std::unique_ptr<ReplicaHost>> hosts;
  for (int i = 0; i < kHosts; ++i) {
    hosts.push_back(host("host" + std::to_string(i)));
    hosts.back()->starts_with_ =
        random_faults(seed + i, 0.1, {RemoteFault::LoseAnswer, RemoteFault::LoseRequest, RemoteFault::ApplyLater});
    hosts.back()->remote().set_faults(hosts.back()->starts_with_);
  }
  std::atomic<int> acknowledged = 0;
  std::atomic<bool> is_done = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < kHosts; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937_64 random(seed * 31 + i);
      ReplicaHost& me = *hosts[i];
      for (int n = 0; n < 40; ++n) {
        if (random() % 10 == 0) {
          me.kill();
          while (!me.open().ok()) {
          }
        }
        const std::string key = "r/" + me.name() + "/" + std::to_string(n);
        Status status;
        do {
          const std::string before = me.get("r/count");
          Batch batch;
          batch.expect("r/count", before.empty() ? std::nullopt : std::optional(before));
          batch.put("r/count", std::to_string((before.empty() ? 0 : std::stoi(before)) + 1));
          batch.put(key, "1");
          batch.put("n/" + std::to_string(n), "1");
          status = me.keys().commit(batch, Durability::Durable, SpaceNeed::Grows);
        } while (status.code() == Code::Conflict);
        if (status.ok()) acknowledged += 1;
        EXPECT_TRUE(status.ok() || status.code() == Code::Unsettled || status.code() == Code::Unavailable)
            << status.str();
      }
    });
  }
  std::thread late([&] {
    while (!is_done) {
      bucket_->deliver();
      std::this_thread::yield();
    }
  });
  for (auto& thread : threads) thread.join();
  is_done = true;
  late.join();
  bucket_->deliver();
  for (auto& each : hosts) {
    each->remote().set_faults({});
    EXPECT_TRUE(eventually([&] { return each->log().check_settled().ok() && catch_up(*each).ok(); }));
  }
  for (auto& each : hosts) ASSERT_TRUE(catch_up(*each).ok());

  const auto all = hosts[0]->shared();
  int published = 0;
  for (const auto& [key, value] : all) published += key.starts_with("r/host") ? 1 : 0;
  EXPECT_EQ(std::to_string(published), all.at("r/count"));
  EXPECT_GE(published, acknowledged);
  for (auto& each : hosts) {
    EXPECT_EQ(each->shared(), all);
    for (int n = 0; n < 40; ++n) {
      const bool is_published = all.contains("r/" + each->name() + "/" + std::to_string(n));
      EXPECT_EQ(each->get("n/" + std::to_string(n)), is_published ? "1" : "") << each->name() << " " << n;
    }
  }
}

}  // namespace
}  // namespace modelfs
