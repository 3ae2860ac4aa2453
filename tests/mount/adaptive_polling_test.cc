#include "mount/adaptive_polling.h"

#include <gtest/gtest.h>
#include <linux/fuse.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace modelfs {
namespace {

using std::chrono::microseconds;

constexpr RequestSketch kQuick{.sender = 7, .is_quick = true, .is_awaited = true};
constexpr RequestSketch kSlow{.sender = 7, .is_quick = false, .is_awaited = true};
constexpr RequestSketch kRelease{.sender = 0, .is_quick = true, .is_awaited = false};
constexpr microseconds kWindow{50};

// Bytes as from /dev/fuse.
template <class Body>
std::string request(std::uint32_t opcode, const Body& body, std::size_t more_bytes = 0) {
  fuse_in_header header{};
  header.opcode = opcode;
  header.pid = 42;
  std::string bytes(sizeof header + sizeof body + more_bytes, '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, &body, sizeof body);
  return bytes;
}

RequestSketch sketch_of(const std::string& bytes) { return modelfs::sketch_of(bytes.data(), bytes.size()); }

std::string read_of(std::uint32_t size_bytes) {
  fuse_read_in read{};
  read.size = size_bytes;
  return request(FUSE_READ, read);
}

class BusyPollingTest : public testing::Test {
 protected:
  BusyPollingTest()
      : polling_(kWindow, {.is_there =
                               [this] {
                                 now_ += look_ns_;
                                 return is_there_.load();
                               },
                           .wake_sleepers = [this] { ++called_back_; },
                           .clock = [this] { return std::chrono::nanoseconds(now_); },
                           .stuck_after = std::chrono::hours(1)}) {}

  // `count` requests that a worker reads one after the other.
  void take(unsigned count, RequestSketch sketch = kQuick, unsigned worker = 0) {
    for (unsigned i = 0; i < count; ++i) polling_.took(worker, sketch);
  }
  void take_from_two(unsigned count) {
    for (unsigned i = 0; i < count; ++i) polling_.took(0, {.sender = 1 + i % 2, .is_quick = true, .is_awaited = true});
  }

  std::atomic<std::int64_t> look_ns_ = 1000;  // what a look takes
  std::atomic<std::int64_t> now_ = 0;
  std::atomic<bool> is_there_ = false;
  std::atomic<unsigned> called_back_ = 0;
  AdaptivePolling polling_;
};

TEST(RequestSketch, WhatMovesFewBytesIsQuick) {
  EXPECT_TRUE(sketch_of(read_of(64 << 10)).is_quick);
  EXPECT_FALSE(sketch_of(read_of(128 << 10)).is_quick);
  EXPECT_TRUE(sketch_of(request(FUSE_WRITE, fuse_write_in{}, 64 << 10)).is_quick);
  EXPECT_FALSE(sketch_of(request(FUSE_WRITE, fuse_write_in{}, (64 << 10) + 1)).is_quick);
  EXPECT_EQ(sketch_of(read_of(1)).sender, 42u);
}

TEST(RequestSketch, WhatIsTooShortIsNotQuick) {
  const std::string whole = read_of(1);

  EXPECT_FALSE(modelfs::sketch_of(whole.data(), sizeof(fuse_in_header) - 1).is_quick);
}

TEST_F(BusyPollingTest, BeginsWithAStreakOfQuickRequests) {
  take(AdaptivePolling::kStreakMin - 1);
  EXPECT_FALSE(polling_.is_polling());
  EXPECT_EQ(called_back_, 0u);

  take(1);

  EXPECT_TRUE(polling_.is_polling());
  EXPECT_EQ(called_back_, 1u) << "the others sleep in read(2)";
}

TEST_F(BusyPollingTest, ARequestThatIsNotQuickBreaksTheStreak) {
  take(AdaptivePolling::kStreakMin - 1);
  take(1, kSlow);
  take(AdaptivePolling::kStreakMin - 1);

  EXPECT_FALSE(polling_.is_polling());
}

TEST_F(BusyPollingTest, RequestsThatComeTooSlowlyBeginNothing) {
  const std::chrono::nanoseconds most = AdaptivePolling::kGapMax * AdaptivePolling::kStreakMin;
  take(1);
  now_ += most.count() + 1;
  take(AdaptivePolling::kStreakMin - 1);
  EXPECT_FALSE(polling_.is_polling());

  take(1);
  now_ += most.count();
  take(AdaptivePolling::kStreakMin - 1);
  EXPECT_TRUE(polling_.is_polling());
}

TEST_F(BusyPollingTest, RequestsOfSeveralSendersBeginNothing) {
  take_from_two(3 * AdaptivePolling::kStreakMin);

  EXPECT_FALSE(polling_.is_polling());
}

TEST_F(BusyPollingTest, TheKernelsOwnRequestsAreNoOthers) {
  for (unsigned i = 0; i < AdaptivePolling::kStreakMin; ++i) {
    polling_.took(0, i % 2 == 0 ? kQuick : kRelease);
  }

  EXPECT_TRUE(polling_.is_polling());
}

TEST_F(BusyPollingTest, ThePollerReadsWhenARequestIsThere) {
  take(AdaptivePolling::kStreakMin);
  is_there_ = true;

  EXPECT_TRUE(polling_.wait_for_turn(0));
  EXPECT_TRUE(polling_.is_polling());
}

TEST_F(BusyPollingTest, ThePollerLooksForAsLongAsTheWindow) {
  take(AdaptivePolling::kStreakMin);

  EXPECT_FALSE(polling_.wait_for_turn(0)) << "it may read, and sleep there";

  EXPECT_GE(std::chrono::nanoseconds(now_), kWindow);
  EXPECT_LE(std::chrono::nanoseconds(now_), kWindow + 2 * std::chrono::nanoseconds(look_ns_));
  EXPECT_FALSE(polling_.is_polling());
}

TEST_F(BusyPollingTest, NeedsALongerStreakWhileItIsNotWorthItAndNoLongerThanTheMost) {
  for (unsigned needed = AdaptivePolling::kStreakMin; needed <= AdaptivePolling::kStreakMax; needed *= 2) {
    take(needed - 1);
    EXPECT_FALSE(polling_.is_polling()) << needed;
    take(1);
    EXPECT_TRUE(polling_.is_polling()) << needed;
    static_cast<void>(polling_.wait_for_turn(0));
  }
  take(AdaptivePolling::kStreakMax);
  EXPECT_TRUE(polling_.is_polling());

  is_there_ = true;
  for (unsigned i = 0; i < AdaptivePolling::kWorthIt; ++i) {
    EXPECT_TRUE(polling_.wait_for_turn(0));
    take(1, kRelease);
  }
  is_there_ = false;
  static_cast<void>(polling_.wait_for_turn(0));
  take(AdaptivePolling::kStreakMin);
  EXPECT_TRUE(polling_.is_polling()) << "it was worth it";
}

TEST_F(BusyPollingTest, ARequestThatIsNotQuickEndsIt) {
  take(AdaptivePolling::kStreakMin);

  take(1, kSlow);

  EXPECT_FALSE(polling_.is_polling());
}

TEST_F(BusyPollingTest, RequestsThatPileUpEndIt) {
  take(AdaptivePolling::kStreakMin);
  is_there_ = true;  // always another, when one was taken

  for (unsigned i = 0; i < 2 * AdaptivePolling::kStreakMin && polling_.is_polling(); ++i) {
    static_cast<void>(polling_.wait_for_turn(0));
    take(1);
  }

  EXPECT_FALSE(polling_.is_polling());
}

TEST_F(BusyPollingTest, RequestsThatNobodyWaitsForDoNotPileUp) {
  take(AdaptivePolling::kStreakMin);
  is_there_ = true;

  for (unsigned i = 0; i < 4 * AdaptivePolling::kStreakMin; ++i) {
    static_cast<void>(polling_.wait_for_turn(0));
    take(1, kRelease);
  }

  EXPECT_TRUE(polling_.is_polling());
}

TEST_F(BusyPollingTest, EndsWhenOthersHaveTheProcessors) {
  take(AdaptivePolling::kStreakMin);
  look_ns_ = std::chrono::nanoseconds(AdaptivePolling::kGapMax).count() + 1;

  EXPECT_FALSE(polling_.wait_for_turn(0));

  EXPECT_FALSE(polling_.is_polling());
  EXPECT_LE(std::chrono::nanoseconds(now_), 3 * std::chrono::nanoseconds(look_ns_)) << "not for the whole window";
}

TEST_F(BusyPollingTest, CallsOnceMoreForThoseWhoWereAboutToSleep) {
  take(AdaptivePolling::kStreakMin);
  is_there_ = true;

  for (unsigned i = 0; i < AdaptivePolling::kStreakMin; ++i) {
    static_cast<void>(polling_.wait_for_turn(0));
    take(1, kRelease);
  }

  EXPECT_EQ(called_back_, 2u);
}

TEST_F(BusyPollingTest, TheOthersStayAwayUntilItEnds) {
  take(AdaptivePolling::kStreakMin);
  std::atomic<bool> was_polling = false;
  std::thread other([&] {
    static_cast<void>(polling_.wait_for_turn(1));
    was_polling = polling_.is_polling();
  });

  is_there_ = true;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(polling_.wait_for_turn(0));
    take(1, kRelease);
  }
  take(1, kSlow);
  other.join();

  EXPECT_FALSE(was_polling);
}

TEST(AdaptivePolling, APollerThatIsHeldUpIsRelieved) {
  AdaptivePolling polling(kWindow, {.is_there = [] { return false; }, .wake_sleepers = [] {}});
  for (unsigned i = 0; i < AdaptivePolling::kStreakMin; ++i) polling.took(0, kQuick);  // and never comes back

  EXPECT_FALSE(polling.wait_for_turn(1)) << "or this would wait for ever";
  EXPECT_FALSE(polling.is_polling());
}

TEST(AdaptivePolling, EachPollerIsLookedAfter) {
  AdaptivePolling polling(kWindow, {.is_there = [] { return false; }, .wake_sleepers = [] {}});
  for (unsigned poller = 0; poller < 100; ++poller) {
    for (unsigned i = 0; i < AdaptivePolling::kStreakMax && !polling.is_polling(); ++i) polling.took(poller, kQuick);
    ASSERT_TRUE(polling.is_polling());
    std::thread first([&] { static_cast<void>(polling.wait_for_turn(poller + 1)); });
    std::thread second([&] { static_cast<void>(polling.wait_for_turn(poller + 2)); });
    first.join();
    second.join();
    EXPECT_FALSE(polling.is_polling());
  }
}

TEST_F(BusyPollingTest, AfterItsEndEverybodyMayReadAndNobodyPolls) {
  take(AdaptivePolling::kStreakMin);
  std::thread other([&] { static_cast<void>(polling_.wait_for_turn(1)); });

  polling_.end();
  other.join();
  take(2 * AdaptivePolling::kStreakMin);

  EXPECT_FALSE(polling_.is_polling());
  EXPECT_FALSE(polling_.wait_for_turn(0));
}

TEST(AdaptivePolling, WithoutAWindowNobodyPolls) {
  AdaptivePolling polling(microseconds(0), {.is_there = [] { return true; }, .wake_sleepers = [] {}});

  for (unsigned i = 0; i < 10 * AdaptivePolling::kStreakMin; ++i) polling.took(0, kQuick);

  EXPECT_FALSE(polling.is_polling());
}

// A device whose readers sleep, and are called back.
class Device {
 public:
  bool is_there() {
    const MutexLock lock(mutex_);
    return waiting_ > 0;
  }
  void wake_sleepers() {
    const MutexLock lock(mutex_);
    ++calls_;
    changed_.notify_all();
  }
  void send() {
    const MutexLock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
  }
  void close() {
    const MutexLock lock(mutex_);
    is_closed_ = true;
    changed_.notify_all();
  }
  bool is_closed() {
    const MutexLock lock(mutex_);
    return is_closed_;
  }
  // False: called back, or closed.
  bool read() {
    const MutexLock lock(mutex_);
    const unsigned calls = calls_;
    while (waiting_ == 0 && calls == calls_ && !is_closed_) changed_.wait(mutex_);
    if (waiting_ == 0) return false;
    --waiting_;
    return true;
  }

 private:
  Mutex mutex_;
  Condition changed_;
  unsigned waiting_ GUARDED_BY(mutex_) = 0;
  unsigned calls_ GUARDED_BY(mutex_) = 0;
  bool is_closed_ GUARDED_BY(mutex_) = false;
};

TEST(AdaptivePolling, EveryRequestIsAnsweredWhoeverPolls) {
  constexpr unsigned kWorkers = 4;
  constexpr unsigned kRequests = 20'000;
  Device device;
  AdaptivePolling polling(microseconds(50), {.is_there = [&] { return device.is_there(); },
                                             .wake_sleepers = [&] { device.wake_sleepers(); }});
  std::atomic<unsigned> answered = 0;
  std::atomic<unsigned> found = 0;
  std::vector<std::thread> workers;
  for (unsigned number = 0; number < kWorkers; ++number) {
    workers.emplace_back([&, number] {
      while (!device.is_closed()) {
        if (polling.wait_for_turn(number)) ++found;
        if (!device.read()) continue;
        const unsigned mine = answered + 1;
        // Now and then one that is not quick, and a stretch with two senders.
        polling.took(number,
                     {.sender = mine % 5000 > 4500 ? mine : 7, .is_quick = mine % 3000 != 0, .is_awaited = true});
        ++answered;
      }
      polling.end();
    });
  }

  for (unsigned sent = 1; sent <= kRequests; ++sent) {
    device.send();
    while (answered < sent) std::this_thread::yield();
  }
  device.close();
  polling.end();
  for (std::thread& worker : workers) worker.join();

  EXPECT_EQ(answered, kRequests);
  EXPECT_GT(found, 0u);
}

}  // namespace
}  // namespace modelfs
