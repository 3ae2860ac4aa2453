// Who has last done something to a draft: at the limit of the table and one beyond.
#include "ingest/process_table.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

namespace modelfs {
namespace {

constexpr std::size_t kMax = 4;

class Processes : public testing::Test {
 protected:
  std::set<pid_t> dead_;
  ProcessTable table_{kMax, [this](pid_t process) { return !dead_.contains(process); }};
};

TEST_F(Processes, AtItsLimitItKnowsAll) {
  for (int i = 1; i <= 4; ++i) table_.put(Ino{std::uint64_t(i)}, 100 + i);
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(table_.find(Ino{std::uint64_t(i)}), 100 + i);
}

TEST_F(Processes, OneBeyondItsLimitTheOldestOfADeadProcessGoes) {
  for (int i = 1; i <= 4; ++i) table_.put(Ino{std::uint64_t(i)}, 100 + i);
  dead_ = {102, 103};

  table_.put(Ino{5}, 105);

  EXPECT_FALSE(table_.find(Ino{2}));
  for (const int kept : {1, 3, 4, 5}) EXPECT_EQ(table_.find(Ino{std::uint64_t(kept)}), 100 + kept) << kept;
}

TEST_F(Processes, OneBeyondItsLimitWhereAllLiveTheOldestGoes) {
  for (int i = 1; i <= 5; ++i) table_.put(Ino{std::uint64_t(i)}, 100 + i);

  EXPECT_FALSE(table_.find(Ino{1}));
  for (int i = 2; i <= 5; ++i) EXPECT_EQ(table_.find(Ino{std::uint64_t(i)}), 100 + i);
}

TEST_F(Processes, WhatIsTakenIsNotThereAnyMore) {
  table_.put(Ino{1}, 101);
  EXPECT_EQ(table_.take(Ino{1}), 101);
  EXPECT_EQ(table_.take(Ino{1}), std::nullopt);
}

TEST_F(Processes, ADraftIsAnothersWhileThatProcessLives) {
  table_.put(Ino{1}, 101);
  EXPECT_TRUE(table_.is_anothers(Ino{1}, 102));
  EXPECT_FALSE(table_.is_anothers(Ino{1}, 101));
  EXPECT_FALSE(table_.is_anothers(Ino{2}, 102));
  dead_ = {101};
  EXPECT_FALSE(table_.is_anothers(Ino{1}, 102));
}

TEST(ProcessTable, ThisProcessLivesAndNoneHasTheNumberZero) {
  EXPECT_TRUE(is_alive(::getpid()));
  EXPECT_FALSE(is_alive(0));
}

}  // namespace
}  // namespace modelfs
