// Bounded maps: what they drop, at their limit and one beyond.
#include "base/lru_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace modelfs {
namespace {

TEST(LruCache, AtItsLimitNothingGoesAndOneBeyondTheOldest) {
  LruCache<int, std::string> cache(3);
  for (int i = 1; i <= 3; ++i) cache.put(i, std::to_string(i));
  EXPECT_EQ(cache.size(), 3u);
  ASSERT_NE(cache.find(1), nullptr);  // a use: now 2 is the oldest

  cache.put(4, "4");

  EXPECT_EQ(cache.size(), 3u);
  EXPECT_EQ(cache.find(2), nullptr);
  for (const int kept : {1, 3, 4}) {
    ASSERT_NE(cache.find(kept), nullptr) << kept;
    EXPECT_EQ(*cache.find(kept), std::to_string(kept));
  }
}

TEST(LruCache, WhatIsUsedStaysAndTheOldestOfTheOthersGoes) {
  LruCache<int, bool> cache(2);
  const auto is_used = [](int, bool used) { return used; };
  cache.put(1, true, 1, is_used);
  cache.put(2, false, 1, is_used);
  cache.put(3, false, 1, is_used);
  EXPECT_NE(cache.find(1), nullptr);
  EXPECT_EQ(cache.find(2), nullptr);
  EXPECT_NE(cache.find(3), nullptr);
}

TEST(LruCache, WhereAllAreUsedNoneGoesUntilItIsShrunk) {
  LruCache<int, bool> cache(2);
  const auto is_used = [](int, bool used) { return used; };
  for (int i = 1; i <= 3; ++i) cache.put(i, true, 1, is_used);
  EXPECT_EQ(cache.size(), 3u);

  cache.shrink();

  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.find(1), nullptr);
}

TEST(LruCache, WhatIsPutAgainWeighsOnce) {
  LruCache<int, int> cache(10);
  cache.put(1, 1, 6);
  cache.put(1, 2, 4);
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(cache.weight(), 4u);
  EXPECT_EQ(*cache.find(1), 2);
}

TEST(LruCache, TheNewestStaysHoweverHeavyItIs) {
  LruCache<int, int> cache(10);
  cache.put(1, 1, 5);
  cache.put(2, 2, 11);
  EXPECT_EQ(cache.find(1), nullptr);
  ASSERT_NE(cache.find(2), nullptr);
  cache.put(3, 3, 10);
  EXPECT_EQ(cache.find(2), nullptr);
  EXPECT_EQ(cache.weight(), 10u);
}

TEST(LruCache, WhatIsErasedWeighsNothing) {
  LruCache<int, int> cache(10);
  cache.put(1, 1, 5);
  cache.erase(1);
  cache.erase(2);
  EXPECT_EQ(cache.find(1), nullptr);
  EXPECT_EQ(cache.weight(), 0u);
}

}  // namespace
}  // namespace modelfs
