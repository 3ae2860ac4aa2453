// What happens to requests when a test says so, and whom the probe refuses.
#include "engine/memory/memory_remote.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "support/becomes_true.h"

namespace modelfs {
namespace {

using Created = Remote::Created;
using Kind = RemoteRequest::Kind;

class MemoryRemoteFaults : public testing::Test {
 protected:
  static Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(60); }

  // Each request of this kind meets `fault`.
  void let(Kind kind, RemoteFault fault) {
    here.set_faults(
        [kind, fault](const RemoteRequest& request) { return request.kind == kind ? fault : RemoteFault::None; });
  }
  Code put_if_absent(const std::string& name, Deadline deadline = soon()) {
    return here.put_if_absent(name, bytes_of("bytes"), deadline).code();
  }
  Code put(const std::string& name) {
    return here.put(name, BytesSource(bytes_of("bytes")), hash_of(bytes_of("bytes")).digest, soon()).code();
  }
  Code get(const std::string& name) { return get_whole(here, name, 100, soon()).code(); }

  std::shared_ptr<MemoryBucket> bucket = std::make_shared<MemoryBucket>();
  MemoryRemote here{bucket};
  MemoryRemote there{bucket};
};

TEST_F(MemoryRemoteFaults, ALostRequestIsUnsettledAndHasNoEffect) {
  let(Kind::PutIfAbsent, RemoteFault::LoseRequest);

  EXPECT_EQ(put_if_absent("a"), Code::Unsettled);

  EXPECT_EQ(bucket->stored("a"), std::nullopt);
}

TEST_F(MemoryRemoteFaults, ALostAnswerIsUnsettledAndHasTakenEffect) {
  let(Kind::PutIfAbsent, RemoteFault::LoseAnswer);

  EXPECT_EQ(put_if_absent("a"), Code::Unsettled);

  EXPECT_EQ(bucket->stored("a"), "bytes");
}

TEST_F(MemoryRemoteFaults, WhatIsLostOfOtherCallsIsUnavailable) {
  bucket->store("a", "x");
  for (const RemoteFault fault : {RemoteFault::LoseRequest, RemoteFault::LoseAnswer}) {
    here.set_faults([fault](const RemoteRequest&) { return fault; });
    EXPECT_EQ(put("b"), Code::Unavailable);
    EXPECT_EQ(get("a"), Code::Unavailable);
    EXPECT_EQ(here.list(
                      "", "", [](const RemoteObject&) { return true; }, std::chrono::seconds(60))
                  .code(),
              Code::Unavailable);
    EXPECT_EQ(here.remove("a", soon()).code(), Code::Unavailable);
  }
  EXPECT_EQ(bucket->names(), std::vector<std::string>{"b"});
}

TEST_F(MemoryRemoteFaults, APutTakesEffectAfterItsCallerHasGivenUp) {
  let(Kind::PutIfAbsent, RemoteFault::ApplyLater);
  EXPECT_EQ(put_if_absent("a"), Code::Unsettled);
  EXPECT_EQ(put_if_absent("b"), Code::Unsettled);
  EXPECT_EQ(get("a"), Code::NotFound);
  EXPECT_EQ(*there.put_if_absent("b", bytes_of("theirs"), soon()), Created::Now);

  bucket->deliver();

  EXPECT_EQ(bucket->stored("a"), "bytes");
  EXPECT_EQ(bucket->stored("b"), "theirs");
  EXPECT_EQ(bucket->under_way(), 0u);
}

TEST_F(MemoryRemoteFaults, ARemovalTakesEffectAfterItsCallerHasGivenUp) {
  bucket->store("a", "x");
  let(Kind::Remove, RemoteFault::ApplyLater);
  EXPECT_EQ(here.remove("a", soon()).code(), Code::Unavailable);
  EXPECT_EQ(get("a"), Code::Ok);

  bucket->deliver();

  EXPECT_EQ(get("a"), Code::NotFound);
}

TEST_F(MemoryRemoteFaults, WhatIsHeldWaitsForItsDelivery) {
  let(Kind::PutIfAbsent, RemoteFault::Hold);
  Code code = Code::Internal;
  std::thread caller([&] { code = put_if_absent("a"); });
  ASSERT_TRUE(becomes_true([&] { return bucket->under_way() == 1; }));
  EXPECT_EQ(bucket->stored("a"), std::nullopt);

  bucket->deliver();
  caller.join();

  EXPECT_EQ(code, Code::Ok);
  EXPECT_EQ(bucket->stored("a"), "bytes");
}

TEST_F(MemoryRemoteFaults, WhatIsHeldPastItsDeadlineIsUnsettledAndTakesEffectLater) {
  let(Kind::PutIfAbsent, RemoteFault::Hold);

  EXPECT_EQ(put_if_absent("a", std::chrono::steady_clock::now() + std::chrono::milliseconds(20)), Code::Unsettled);

  EXPECT_EQ(bucket->stored("a"), std::nullopt);
  bucket->deliver();
  EXPECT_EQ(bucket->stored("a"), "bytes");
}

TEST_F(MemoryRemoteFaults, ARefusedRequestIsDeniedAndHasNoEffect) {
  let(Kind::PutIfAbsent, RemoteFault::Refuse);

  EXPECT_EQ(put_if_absent("a"), Code::Denied);

  EXPECT_EQ(bucket->stored("a"), std::nullopt);
}

TEST_F(MemoryRemoteFaults, WrongBytesAreReadAndNotStored) {
  bucket->store("a", "bytes");
  let(Kind::Get, RemoteFault::WrongBytes);

  EXPECT_NE(*get_whole(here, "a", 100, soon()), "bytes");

  EXPECT_EQ(*get_whole(there, "a", 100, soon()), "bytes");
}

TEST_F(MemoryRemoteFaults, TheHookMayDoWhatAnotherHostDoesBetweenARequestAndItsAnswer) {
  here.set_faults([&](const RemoteRequest& request) {
    if (request.kind == Kind::PutIfAbsent) {
      EXPECT_EQ(there.remove("a", soon()).code(), Code::Ok);
      EXPECT_EQ(request.name, "a");
    }
    return RemoteFault::None;
  });

  EXPECT_EQ(put_if_absent("a"), Code::Ok);

  EXPECT_EQ(bucket->stored("a"), std::nullopt);
}

TEST_F(MemoryRemoteFaults, AHostThatIsOfflineReachesNothingAndMakesNothing) {
  bucket->store("a", "x");
  here.set_offline(true);

  EXPECT_EQ(put_if_absent("b"), Code::Unavailable);
  EXPECT_EQ(put("b"), Code::Unavailable);
  EXPECT_EQ(get("a"), Code::Unavailable);
  EXPECT_EQ(here.remove("a", soon()).code(), Code::Unavailable);
  EXPECT_EQ(bucket->names(), std::vector<std::string>{"a"});
  EXPECT_EQ(get_whole(there, "a", 100, soon()).code(), Code::Ok);

  here.set_offline(false);
  EXPECT_EQ(get("a"), Code::Ok);
}

TEST_F(MemoryRemoteFaults, ObjectsAgeWithTheClockOfTheBucket) {
  bucket->store("a", "x");
  bucket->advance(std::chrono::hours(24 * 7));
  bucket->store("b", "x");
  bucket->advance(std::chrono::seconds(5));
  std::vector<std::chrono::seconds> ages;

  ASSERT_TRUE(here.list(
                      "", "",
                      [&](const RemoteObject& object) {
                        ages.push_back(object.age);
                        return true;
                      },
                      std::chrono::seconds(60))
                  .ok());

  EXPECT_EQ(ages, (std::vector<std::chrono::seconds>{std::chrono::hours(24 * 7) + std::chrono::seconds(5),
                                                     std::chrono::seconds(5)}));
}

TEST_F(MemoryRemoteFaults, RandomFaultsAreTheSameForASeed) {
  const std::vector<RemoteFault> faults = {RemoteFault::LoseRequest, RemoteFault::LoseAnswer};
  const auto drawn = [&](std::uint64_t seed) {
    const RemoteFaults hook = random_faults(seed, 0.5, faults);
    std::vector<RemoteFault> all;
    for (int i = 0; i < 100; ++i) all.push_back(hook({Kind::Get, "a"}));
    return all;
  };

  EXPECT_EQ(drawn(1), drawn(1));
  EXPECT_NE(drawn(1), drawn(2));
  const auto once = drawn(1);
  EXPECT_EQ(std::set<RemoteFault>(once.begin(), once.end()).size(), 3u);
  EXPECT_EQ(random_faults(1, 1, faults)({Kind::Get, "a", true}), RemoteFault::None);
}

TEST_F(MemoryRemoteFaults, ProbesAreOkAlsoWhereAnswersAreLost) {
  here.set_faults([lost = std::make_shared<std::atomic<int>>(0)](const RemoteRequest& request) {
    const bool is_lost = request.kind == Kind::PutIfAbsent && !request.is_applied && (*lost)++ == 1;
    return is_lost ? RemoteFault::LoseAnswer : RemoteFault::None;
  });

  const auto facts = here.probe(soon());

  EXPECT_TRUE(facts.ok()) << facts.status().str();
}

TEST(MemoryRemoteProbe, AServerThatIgnoresConditionsIsRefused) {
  MemoryRemote remote(std::make_shared<MemoryBucket>(BucketNature::IgnoresConditions));

  const auto facts = remote.probe(std::chrono::steady_clock::now() + std::chrono::seconds(60));

  EXPECT_EQ(facts.code(), Code::Unsupported);
  EXPECT_NE(facts.status().message().find("took a second put"), std::string::npos) << facts.status().message();
  EXPECT_EQ(remote.bucket().names(), std::vector<std::string>{});
}

TEST(MemoryRemoteProbe, AServerThatSaysWhoWonAndStoresTheBytesOfALoserIsRefused) {
  MemoryRemote remote(std::make_shared<MemoryBucket>(BucketNature::StoresTheLast));

  const auto facts = remote.probe(std::chrono::steady_clock::now() + std::chrono::seconds(60));

  EXPECT_EQ(facts.code(), Code::Unsupported);
  EXPECT_NE(facts.status().message().find("stored its bytes all the same"), std::string::npos);
  EXPECT_EQ(remote.bucket().names(), std::vector<std::string>{});
}

}  // namespace
}  // namespace modelfs
