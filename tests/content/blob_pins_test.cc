#include "content/blob_pins.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "catalog/samples.h"
#include "support/becomes_true.h"

namespace modelfs {
namespace {

const Digest kOne = digest_of_all(0x11);
const Digest kOther = digest_of_all(0x22);

// Whether a gc that looks at `digest` now would remove it.
bool is_removed(BlobPins& pins, const Digest& digest) {
  bool removed = false;
  EXPECT_EQ(pins.remove_unpinned(digest, [&] { removed = true; }), removed) << "it says what it has done";
  return removed;
}

TEST(BlobPins, KeepWhatIsPinnedUntilThePinEnds) {
  BlobPins pins;
  auto pin = pins.take({kOne});

  EXPECT_FALSE(is_removed(pins, kOne));
  EXPECT_TRUE(is_removed(pins, kOther));
  pin.reset();
  EXPECT_TRUE(is_removed(pins, kOne));
}

TEST(BlobPins, AreCounted) {
  BlobPins pins;
  auto first = pins.take({kOne, kOther});
  const auto second = pins.take({kOne});
  first.reset();

  EXPECT_FALSE(is_removed(pins, kOne));
  EXPECT_TRUE(is_removed(pins, kOther));
}

TEST(BlobPins, MayNameADigestTwice) {
  BlobPins pins;
  auto pin = pins.take({kOne, kOne});
  EXPECT_FALSE(is_removed(pins, kOne));
  pin.reset();
  EXPECT_TRUE(is_removed(pins, kOne));
}

TEST(BlobPins, OfTheTimeOfAGcCountAlsoWhenTheyHaveEnded) {
  BlobPins pins;
  auto before = pins.take({kOne});
  pins.watch();
  before.reset();
  pins.take({kOther}).reset();

  EXPECT_FALSE(is_removed(pins, kOne)) << "a commit that gc did not see may refer to it";
  EXPECT_FALSE(is_removed(pins, kOther));
  pins.end_watch();
  EXPECT_TRUE(is_removed(pins, kOne));
  EXPECT_TRUE(is_removed(pins, kOther));
}

TEST(BlobPins, WaitForARemovalThatIsUnderWayAndForNoOther) {
  BlobPins pins;
  std::promise<void> go_on;
  std::promise<void> begun;
  std::thread gc([&] {
    pins.remove_unpinned(kOne, [&] {
      begun.set_value();
      go_on.get_future().wait();
    });
  });
  begun.get_future().wait();
  EXPECT_NE(pins.take({kOther}), nullptr);
  std::atomic<bool> pinned = false;
  std::thread reader([&] {
    const auto pin = pins.take({kOne});
    pinned = true;
  });

  EXPECT_FALSE(pinned);
  go_on.set_value();
  EXPECT_TRUE(becomes_true([&] { return pinned.load(); }));
  gc.join();
  reader.join();
}

TEST(BlobPins, OfManyThreadsAndAGcNeverMeet) {
  BlobPins pins;
  std::atomic<int> users = 0;
  std::atomic<bool> met = false;
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const auto pin = pins.take({kOne});
        ++users;
        --users;
      }
    });
  }
  for (int i = 0; i < 2000; ++i) {
    pins.remove_unpinned(kOne, [&] { met = met || users != 0; });
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();

  EXPECT_FALSE(met);
}

}  // namespace
}  // namespace modelfs
