// Reasons of refusals: how many are kept, at the limit and one beyond.
#include "vfs/refusals.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

TEST(Refusals, AReasonIsTheNodesAndTheUsersOwn) {
  Events events(-1);
  Refusals refusals(events);
  refusals.remember(Ino{7}, 1000, "one");
  refusals.remember(Ino{7}, 1001, "other");
  refusals.remember(Ino{7}, 1000, "again");
  EXPECT_EQ(refusals.find(Ino{7}, 1000), "again");
  EXPECT_EQ(refusals.find(Ino{7}, 1001), "other");
  EXPECT_EQ(refusals.find(Ino{8}, 1000), std::nullopt);
}

TEST(Refusals, AtTheirLimitAllAreKeptAndOneBeyondOnlyTheOldestGoes) {
  Events events(-1);
  Refusals refusals(events);
  for (std::size_t i = 1; i <= Refusals::kMax; ++i) refusals.remember(Ino{i}, 0, std::to_string(i));
  ASSERT_EQ(refusals.find(Ino{1}, 0), "1");  // a use: now that of 2 is the oldest

  refusals.remember(Ino{Refusals::kMax + 1}, 0, "beyond");

  EXPECT_EQ(refusals.find(Ino{2}, 0), std::nullopt);
  EXPECT_EQ(refusals.find(Ino{1}, 0), "1");
  for (std::size_t i = 3; i <= Refusals::kMax; ++i) ASSERT_EQ(refusals.find(Ino{i}, 0), std::to_string(i));
  EXPECT_EQ(refusals.find(Ino{Refusals::kMax + 1}, 0), "beyond");
}

TEST(Refusals, WhatIsRefusedIsCountedInEventsAndAnswered) {
  Events events(-1);
  Refusals refusals(events);
  const Status status = refusals.refuse({1000, 1000, 0, {}}, Ino{7}, "move 'a'", {Code::NotPermitted, "no"});
  EXPECT_EQ(status.code(), Code::NotPermitted);
  EXPECT_EQ(refusals.find(Ino{7}, 1000), "move 'a': no");
  EXPECT_EQ(events.counts().at("refused"), 1u);
}

}  // namespace
}  // namespace modelfs
