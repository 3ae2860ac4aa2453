// What every engine's Remote must do: store/remote.h, sentence by sentence.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "store/remote.h"

namespace modelfs {

// Fixture must offer: why_not(), which is empty unless the engine cannot be had here; host(), another host's way to the
// objects of this test, of which there are none yet; kRaces; kListed, how many objects are more than a page of a list.
template <class Fixture>
class RemoteContract : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = fixture_.why_not(); !reason.empty()) GTEST_SKIP() << reason;
    remote_ = fixture_.host();
    other_ = fixture_.host();
    ASSERT_NE(remote_, nullptr);
    ASSERT_NE(other_, nullptr);
  }

  Remote& remote() { return *remote_; }
  Remote& other_host() { return *other_; }

  static Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(60); }
  static Deadline past() { return std::chrono::steady_clock::now() - std::chrono::seconds(1); }

  static void make(Remote& remote, const std::string& name, const std::string& bytes = "bytes") {
    const auto created = remote.put_if_absent(name, bytes_of(bytes), soon());
    ASSERT_TRUE(created.ok()) << created.status().str();
    EXPECT_EQ(*created, Remote::Created::Now);
  }
  void make(const std::string& name, const std::string& bytes = "bytes") { make(remote(), name, bytes); }

  Status put(const std::string& name, const std::string& bytes) {
    return remote().put(name, BytesSource(bytes_of(bytes)), hash_of(bytes_of(bytes)).digest, soon());
  }

  static std::string read(Remote& remote, const std::string& name) {
    const auto got = get_whole(remote, name, 1 << 20, soon());
    EXPECT_TRUE(got.ok()) << got.status().str();
    return got.ok() ? *got : "";
  }
  std::string read(const std::string& name) { return read(remote(), name); }

  static std::string read_range(Remote& remote, const std::string& name, std::uint64_t offset_bytes,
                                std::size_t size_bytes) {
    std::string text(size_bytes, '?');
    const auto got = remote.get(name, offset_bytes, std::as_writable_bytes(std::span(text)), soon());
    EXPECT_TRUE(got.ok()) << got.status().str();
    return got.ok() ? text.substr(0, *got) : "";
  }
  std::string read_range(const std::string& name, std::uint64_t offset_bytes, std::size_t size_bytes) {
    return read_range(remote(), name, offset_bytes, size_bytes);
  }

  static std::vector<std::string> names(Remote& remote, const std::string& prefix = "", const std::string& after = "") {
    std::vector<std::string> found;
    const Status status = remote.list(
        prefix, after,
        [&found](const RemoteObject& object) {
          found.push_back(object.name);
          return true;
        },
        std::chrono::seconds(60));
    EXPECT_TRUE(status.ok()) << status.str();
    return found;
  }
  std::vector<std::string> names(const std::string& prefix = "", const std::string& after = "") {
    return names(remote(), prefix, after);
  }

  bool is_absent(const std::string& name) { return get_whole(remote(), name, 1024, soon()).code() == Code::NotFound; }

  // Each of kThreads, half of them on another host, with its number.
  static constexpr std::size_t kThreads = 8;
  template <class Work>
  void at_once(const Work& work) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] { work(i % 2 == 0 ? remote() : other_host(), i); });
    }
    for (std::thread& thread : threads) thread.join();
  }

  // The code of each call with this name.
  std::vector<Code> codes_with(const std::string& name, Deadline deadline) {
    std::string into(8, '?');
    return {remote().put_if_absent(name, bytes_of("x"), deadline).code(),
            remote().put(name, BytesSource(bytes_of("x")), hash_of(bytes_of("x")).digest, deadline).code(),
            remote().get(name, 0, std::as_writable_bytes(std::span(into)), deadline).code(),
            remote().remove(name, deadline).code()};
  }

 private:
  Fixture fixture_;
  std::unique_ptr<Remote> remote_;
  std::unique_ptr<Remote> other_;
};
TYPED_TEST_SUITE_P(RemoteContract);

TYPED_TEST_P(RemoteContract, TheFirstToPutANameMakesItAndTheNextHearsThatItIsThere) {
  const auto first = this->remote().put_if_absent("log/1", bytes_of("first"), this->soon());
  const auto second = this->other_host().put_if_absent("log/1", bytes_of("second"), this->soon());
  const auto third = this->remote().put_if_absent("log/1", bytes_of("first"), this->soon());

  ASSERT_TRUE(first.ok() && second.ok() && third.ok()) << first.status().str() << second.status().str();
  EXPECT_EQ(*first, Remote::Created::Now);
  EXPECT_EQ(*second, Remote::Created::Already);
  EXPECT_EQ(*third, Remote::Created::Already);
  EXPECT_EQ(this->read("log/1"), "first");
}

TYPED_TEST_P(RemoteContract, WhatOneHostHasMadeEveryOtherSees) {
  for (int i = 0; i < 10; ++i) {
    const std::string name = "log/" + std::to_string(i);
    EXPECT_EQ(get_whole(this->other_host(), name, 10, this->soon()).code(), Code::NotFound);
    this->make(name, name);
    EXPECT_EQ(this->read(this->other_host(), name), name);
    EXPECT_EQ(this->names(this->other_host(), name), std::vector<std::string>{name});
  }
}

TYPED_TEST_P(RemoteContract, OfEightThatPutANameAtOnceOneWinsAndItsBytesAreStored) {
  const int races = TypeParam::kRaces;
  std::barrier line(static_cast<std::ptrdiff_t>(this->kThreads));
  std::vector<std::array<int, 8>> won(static_cast<std::size_t>(races));

  this->at_once([&](Remote& host, std::size_t me) {
    for (int race = 0; race < races; ++race) {
      line.arrive_and_wait();
      const std::string bytes = "race " + std::to_string(race) + " by " + std::to_string(me);
      const auto created = host.put_if_absent("log/" + std::to_string(race), bytes_of(bytes), this->soon());
      EXPECT_TRUE(created.ok()) << created.status().str();
      won[static_cast<std::size_t>(race)][me] = created.ok() && *created == Remote::Created::Now ? 1 : 0;
    }
  });

  for (int race = 0; race < races; ++race) {
    const auto& winners = won[static_cast<std::size_t>(race)];
    ASSERT_EQ(std::count(winners.begin(), winners.end(), 1), 1) << "race " << race;
    const auto winner = std::find(winners.begin(), winners.end(), 1) - winners.begin();
    EXPECT_EQ(this->read("log/" + std::to_string(race)),
              "race " + std::to_string(race) + " by " + std::to_string(winner));
  }
}

TYPED_TEST_P(RemoteContract, ASmallObjectHasAtMostTheBytesThatAreAllowed) {
  std::string bytes(Remote::kSmallBytesMax, 'x');
  bytes.back() = 'y';
  this->make("log/1", bytes);
  EXPECT_EQ(this->read("log/1"), bytes);

  bytes += 'z';
  EXPECT_EQ(this->remote().put_if_absent("log/2", bytes_of(bytes), this->soon()).code(), Code::TooLarge);
  EXPECT_TRUE(this->is_absent("log/2"));
}

TYPED_TEST_P(RemoteContract, AnObjectMayBeEmpty) {
  this->make("log/1", "");
  ASSERT_TRUE(this->put("blobs/1", "").ok());

  for (const char* name : {"log/1", "blobs/1"}) {
    EXPECT_EQ(this->read(name), "");
    EXPECT_EQ(this->read_range(name, 7, 5), "");
    const auto again = this->remote().put_if_absent(name, bytes_of("x"), this->soon());
    ASSERT_TRUE(again.ok()) << again.status().str();
    EXPECT_EQ(*again, Remote::Created::Already);
  }
}

TYPED_TEST_P(RemoteContract, EveryByteIsKept) {
  std::string bytes(256, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i);
  this->make("log/1", bytes + "\r\n" + bytes);

  EXPECT_EQ(this->read("log/1"), bytes + "\r\n" + bytes);
}

TYPED_TEST_P(RemoteContract, ANameMayHaveAllBytesThatAreAllowed) {
  std::string longest = std::string(Remote::kPartBytesMax, 'a') + "/" + std::string(200, 'b') + "/";
  longest.resize(Remote::kNameBytesMax, 'c');
  for (const std::string& name : {longest, std::string("A-Z_0.9"), std::string(".a"), std::string("a..b/...")}) {
    this->make(name, name);
    EXPECT_EQ(this->read(name), name);
    EXPECT_EQ(this->names(name), std::vector<std::string>{name});
    ASSERT_TRUE(this->remote().remove(name, this->soon()).ok());
    ASSERT_TRUE(this->put(name, name + "!").ok()) << name;
    EXPECT_EQ(this->read(name), name + "!");
  }
}

TYPED_TEST_P(RemoteContract, ANameThatCannotBeOneIsRefusedByEveryCall) {
  const std::vector<Code> refused(4, Code::InvalidArgument);
  const std::string long_part(Remote::kPartBytesMax + 1, 'a');
  const std::string long_name =
      std::string(256, 'a').replace(200, 1, "/") + "/" + std::string(256, 'b').replace(200, 1, "/");
  ASSERT_EQ(long_name.size(), Remote::kNameBytesMax + 1);
  for (const std::string& name :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"), std::string("."), std::string("../a"),
        std::string("a/.."), std::string("a b"), std::string("a+b"), std::string("a\0b", 3), std::string("\xc3\xa4"),
        std::string("a?b"), std::string("a%2fb"), long_part, long_name}) {
    EXPECT_EQ(this->codes_with(name, this->soon()), refused) << name;
  }
  EXPECT_EQ(this->names(), std::vector<std::string>{});
}

TYPED_TEST_P(RemoteContract, APutMayBeRepeated) {
  ASSERT_TRUE(this->put("blobs/aa/1", "some bytes").ok());
  ASSERT_TRUE(this->put("blobs/aa/1", "some bytes").ok());

  EXPECT_EQ(this->read(this->other_host(), "blobs/aa/1"), "some bytes");
  EXPECT_EQ(this->names(), std::vector<std::string>{"blobs/aa/1"});
}

TYPED_TEST_P(RemoteContract, BytesThatAreNotOfTheirDigestAreNotPut) {
  const std::string bytes = "some bytes";
  const Digest other = hash_of(bytes_of("other bytes")).digest;

  EXPECT_EQ(this->remote().put("blobs/1", BytesSource(bytes_of(bytes)), other, this->soon()).code(), Code::Corrupt);

  EXPECT_TRUE(this->is_absent("blobs/1"));
  EXPECT_EQ(this->names(), std::vector<std::string>{});
}

TYPED_TEST_P(RemoteContract, ALargeObjectIsReadByRanges) {
  std::string bytes((20 << 20) + 7, '\0');
  std::uint64_t state = 1;
  for (char& byte : bytes)
    byte = static_cast<char>((state = state * 6364136223846793005u + 1442695040888963407u) >> 56);
  ASSERT_TRUE(this->put("blobs/1", bytes).ok());

  constexpr std::size_t kPiece = 1 << 20;
  std::atomic<std::size_t> next = 0;
  this->at_once([&](Remote& host, std::size_t) {
    for (std::size_t at = next.fetch_add(kPiece); at < bytes.size(); at = next.fetch_add(kPiece)) {
      EXPECT_TRUE(this->read_range(host, "blobs/1", at, kPiece) == bytes.substr(at, kPiece)) << "at " << at;
    }
  });
  EXPECT_TRUE(this->read_range("blobs/1", 5'000'000, 3'000'001) == bytes.substr(5'000'000, 3'000'001));

  // The same once more, since a put may be repeated.
  ASSERT_TRUE(this->put("blobs/1", bytes).ok());
  EXPECT_TRUE(this->read_range("blobs/1", bytes.size() - 9, 20) == bytes.substr(bytes.size() - 9));
}

TYPED_TEST_P(RemoteContract, ALargeObjectWhoseBytesAreNotOfTheirDigestIsNotPut) {
  const std::string bytes(20 << 20, 'x');
  const Digest other = hash_of(bytes_of("other bytes")).digest;

  EXPECT_EQ(this->remote().put("blobs/1", BytesSource(bytes_of(bytes)), other, this->soon()).code(), Code::Corrupt);

  EXPECT_TRUE(this->is_absent("blobs/1"));
}

TYPED_TEST_P(RemoteContract, AReadIsShortOnlyAtTheEnd) {
  this->make("log/1", "0123456789");

  EXPECT_EQ(this->read_range("log/1", 3, 4), "3456");
  EXPECT_EQ(this->read_range("log/1", 8, 2), "89");
  EXPECT_EQ(this->read_range("log/1", 8, 3), "89");
  EXPECT_EQ(this->read_range("log/1", 10, 1), "");
  EXPECT_EQ(this->read_range("log/1", 1'000'000, 1), "");
  EXPECT_EQ(this->read_range("log/1", 5, 0), "");
}

TYPED_TEST_P(RemoteContract, AnAbsentObjectIsNotFound) {
  this->make("log/1/2");

  for (const char* name : {"log/2", "other/1", "log/1/2.", "log/1", "lo"}) {
    EXPECT_TRUE(this->is_absent(name)) << name;
    EXPECT_EQ(this->remote().get(name, 5, {}, this->soon()).code(), Code::NotFound) << name;
  }
}

TYPED_TEST_P(RemoteContract, WholeObjectsAreReadUpToABound) {
  this->make("log/1", "0123456789");

  EXPECT_EQ(*get_whole(this->remote(), "log/1", 10, this->soon()), "0123456789");
  EXPECT_EQ(get_whole(this->remote(), "log/1", 9, this->soon()).code(), Code::TooLarge);
  EXPECT_EQ(get_whole(this->remote(), "log/2", 9, this->soon()).code(), Code::NotFound);
}

TYPED_TEST_P(RemoteContract, ObjectsAreListedInTheOrderOfTheBytesOfTheirNames) {
  const std::vector<std::string> sorted = {"B/1", "a-b/1", "a.b", "a/b", "a/b-", "a0", "a_", "aa/1", "aa/1.x", "b"};
  for (auto name = sorted.rbegin(); name != sorted.rend(); ++name) this->make(*name);

  EXPECT_EQ(this->names(), sorted);
}

TYPED_TEST_P(RemoteContract, AListHasWhatBeginsWithItsPrefixAndComesAfter) {
  for (const char* name : {"log/08", "log/09", "log/10", "log/11", "logs", "lo", "snap/1/index"}) this->make(name);
  using Names = std::vector<std::string>;

  EXPECT_EQ(this->names("log/"), (Names{"log/08", "log/09", "log/10", "log/11"}));
  EXPECT_EQ(this->names("log"), (Names{"log/08", "log/09", "log/10", "log/11", "logs"}));
  EXPECT_EQ(this->names("log/1"), (Names{"log/10", "log/11"}));
  EXPECT_EQ(this->names("log/10"), (Names{"log/10"}));
  EXPECT_EQ(this->names("none/"), Names{});
  EXPECT_EQ(this->names("log/", "log/09"), (Names{"log/10", "log/11"}));
  EXPECT_EQ(this->names("log/", "log/09x"), (Names{"log/10", "log/11"}));
  EXPECT_EQ(this->names("log/", "a"), (Names{"log/08", "log/09", "log/10", "log/11"}));
  EXPECT_EQ(this->names("log/", "log/11"), Names{});
  EXPECT_EQ(this->names("log/", "z"), Names{});
  EXPECT_EQ(this->names("", "log/11"), (Names{"logs", "snap/1/index"}));
}

TYPED_TEST_P(RemoteContract, AListHasSizesAndAges) {
  this->make("a", "");
  ASSERT_TRUE(this->put("b", "12345").ok());
  std::vector<std::uint64_t> sizes;

  const Status status = this->remote().list(
      "", "",
      [&sizes](const RemoteObject& object) {
        sizes.push_back(object.size_bytes);
        EXPECT_GE(object.age.count(), 0);
        EXPECT_LE(object.age.count(), 60);
        return true;
      },
      std::chrono::seconds(60));

  ASSERT_TRUE(status.ok()) << status.str();
  EXPECT_EQ(sizes, (std::vector<std::uint64_t>{0, 5}));
}

TYPED_TEST_P(RemoteContract, AListMayBeLongAndEndsWhenTheVisitorHasEnough) {
  constexpr std::size_t kCount = TypeParam::kListed;
  const auto name_of = [](std::size_t i) {
    const std::string digits = std::to_string(i);
    return "log/" + std::string(8 - digits.size(), '0') + digits;
  };
  std::atomic<std::size_t> next = 0;
  this->at_once([&](Remote& host, std::size_t) {
    for (std::size_t i = next++; i < kCount; i = next++) this->make(host, name_of(i), "x");
  });

  const auto all = this->names("log/");
  ASSERT_EQ(all.size(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) EXPECT_EQ(all[i], name_of(i));
  EXPECT_EQ(this->names("log/", name_of(kCount - 3)).size(), 2u);

  std::size_t visits = 0;
  const Status status = this->remote().list(
      "log/", "", [&visits](const RemoteObject&) { return ++visits < 3; }, std::chrono::seconds(60));
  EXPECT_TRUE(status.ok()) << status.str();
  EXPECT_EQ(visits, 3u);
}

TYPED_TEST_P(RemoteContract, AVisitorMayRemoveWhatItVisits) {
  for (int i = 0; i < 10; ++i) this->make("blobs/" + std::to_string(i));

  const Status status = this->remote().list(
      "blobs/", "", [&](const RemoteObject& object) { return this->remote().remove(object.name, this->soon()).ok(); },
      std::chrono::seconds(60));

  EXPECT_TRUE(status.ok()) << status.str();
  EXPECT_EQ(this->names(), std::vector<std::string>{});
}

TYPED_TEST_P(RemoteContract, ARemovedObjectIsGoneAndMayBeRemovedAgain) {
  this->make("blobs/aa/1");
  this->make("blobs/aa/2");

  ASSERT_TRUE(this->remote().remove("blobs/aa/1", this->soon()).ok());
  EXPECT_TRUE(this->is_absent("blobs/aa/1"));
  EXPECT_EQ(this->names(this->other_host()), std::vector<std::string>{"blobs/aa/2"});

  EXPECT_TRUE(this->remote().remove("blobs/aa/1", this->soon()).ok());
  EXPECT_TRUE(this->other_host().remove("blobs/bb/1", this->soon()).ok());
  EXPECT_TRUE(this->remote().remove("blobs/aa", this->soon()).ok());
  EXPECT_EQ(this->names(), std::vector<std::string>{"blobs/aa/2"});
}

TYPED_TEST_P(RemoteContract, AfterItsDeadlineACallEndsAtOnce) {
  this->make("log/1");
  const auto begin = std::chrono::steady_clock::now();

  EXPECT_EQ(this->codes_with("log/1", this->past()), std::vector<Code>(4, Code::Unavailable));
  EXPECT_EQ(this->remote().put_if_absent("log/2", bytes_of("x"), this->past()).code(), Code::Unavailable);
  EXPECT_EQ(this->remote()
                .list(
                    "", "", [](const RemoteObject&) { return true; }, std::chrono::milliseconds(-1))
                .code(),
            Code::Unavailable);
  EXPECT_EQ(this->remote().probe(this->past()).code(), Code::Unavailable);

  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(7));
  EXPECT_EQ(this->names(), std::vector<std::string>{"log/1"});
  EXPECT_EQ(this->read("log/1"), "bytes");
}

TYPED_TEST_P(RemoteContract, TheProbeIsOkAndLeavesNothing) {
  this->make("log/1");

  const auto facts = this->remote().probe(this->soon());

  ASSERT_TRUE(facts.ok()) << facts.status().str();
  EXPECT_LE(std::abs(facts->clock_skew.count()), 60);
  EXPECT_EQ(this->names(), std::vector<std::string>{"log/1"});
}

TYPED_TEST_P(RemoteContract, OneRemoteServesManyThreads) {
  std::array<std::string, 8> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::string(100'000 + i, static_cast<char>('a' + i));

  this->at_once([&](Remote&, std::size_t me) {
    for (int round = 0; round < 5; ++round) {
      const std::string name = "blobs/" + std::to_string(me) + "." + std::to_string(round);
      EXPECT_TRUE(this->put(name, bytes[me]).ok());
      EXPECT_TRUE(this->read(name) == bytes[me]);
      EXPECT_EQ(this->names(name), std::vector<std::string>{name});
      if (round % 2 != 0) continue;
      EXPECT_TRUE(this->remote().remove(name, this->soon()).ok());
    }
  });

  EXPECT_EQ(this->names().size(), 16u);
}

REGISTER_TYPED_TEST_SUITE_P(RemoteContract, TheFirstToPutANameMakesItAndTheNextHearsThatItIsThere,
                            WhatOneHostHasMadeEveryOtherSees, OfEightThatPutANameAtOnceOneWinsAndItsBytesAreStored,
                            ASmallObjectHasAtMostTheBytesThatAreAllowed, AnObjectMayBeEmpty, EveryByteIsKept,
                            ANameMayHaveAllBytesThatAreAllowed, ANameThatCannotBeOneIsRefusedByEveryCall,
                            APutMayBeRepeated, BytesThatAreNotOfTheirDigestAreNotPut, ALargeObjectIsReadByRanges,
                            ALargeObjectWhoseBytesAreNotOfTheirDigestIsNotPut, AReadIsShortOnlyAtTheEnd,
                            AnAbsentObjectIsNotFound, WholeObjectsAreReadUpToABound,
                            ObjectsAreListedInTheOrderOfTheBytesOfTheirNames,
                            AListHasWhatBeginsWithItsPrefixAndComesAfter, AListHasSizesAndAges,
                            AListMayBeLongAndEndsWhenTheVisitorHasEnough, AVisitorMayRemoveWhatItVisits,
                            ARemovedObjectIsGoneAndMayBeRemovedAgain, AfterItsDeadlineACallEndsAtOnce,
                            TheProbeIsOkAndLeavesNothing, OneRemoteServesManyThreads);

}  // namespace modelfs
