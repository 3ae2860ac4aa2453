#include "drafts/ino_allocator.h"

#include <gtest/gtest.h>

#include <set>

#include "catalog/ino_bits.h"
#include "catalog/keys.h"
#include "engine/memory/memory_engine.h"

namespace modelfs {
namespace {

class InoAllocators : public testing::Test {
 protected:
  std::uint64_t counter() {
    const auto value = keys_->get(keys::kNextIno);
    return value.ok() ? *parse_be64(*value) : 0;
  }
  void set_counter(std::uint64_t number) {
    Batch batch;
    batch.put(keys::kNextIno, be64(number));
    ASSERT_TRUE(keys_->commit(batch, Durability::Buffered, SpaceNeed::Grows).ok());
  }

  std::unique_ptr<KeyValueStore> keys_ = std::move(make_memory_engine().keys);
};

TEST_F(InoAllocators, BeginBehindTheFixedPlaces) {
  InoAllocator inos(*keys_);

  EXPECT_EQ(*inos.take(), Ino{kFirstFreeIno});
  EXPECT_EQ(*inos.take(3), Ino{kFirstFreeIno + 1});
  EXPECT_EQ(*inos.take(), Ino{kFirstFreeIno + 4});
}

TEST_F(InoAllocators, GoOnWhereTheLastOneEnded) {
  { EXPECT_EQ(*InoAllocator(*keys_).take(10), Ino{kFirstFreeIno}); }

  EXPECT_EQ(counter(), kFirstFreeIno + 10);
  EXPECT_EQ(*InoAllocator(*keys_).take(), Ino{kFirstFreeIno + 10});
}

TEST_F(InoAllocators, SkipAfterACrashAtMostWhatWasReserved) {
  std::optional<InoAllocator> crashed(std::in_place, *keys_);
  ASSERT_TRUE(crashed->take().ok());
  const std::uint64_t reserved = counter();

  const auto next = InoAllocator(*keys_).take();

  EXPECT_EQ(*next, Ino{reserved});
  EXPECT_LE(reserved, kFirstFreeIno + InoAllocator::kReserveFirst);
  crashed.reset();  // gives back nothing: somebody has gone on
  EXPECT_EQ(counter(), reserved + 1);
}

TEST_F(InoAllocators, WithoutAnyTakenLeaveTheCounterAlone) {
  { const InoAllocator unused(*keys_); }

  EXPECT_EQ(counter(), 0u);
}

TEST_F(InoAllocators, NeverGiveANumberTwice) {
  std::set<std::uint64_t> seen;
  for (int opening = 0; opening < 5; ++opening) {
    InoAllocator inos(*keys_);
    for (int i = 0; i < 3000; ++i) {
      const std::uint64_t count = i % 8 + 1;
      const auto first = inos.take(count);
      ASSERT_TRUE(first.ok());
      for (std::uint64_t each = 0; each < count; ++each) ASSERT_TRUE(seen.insert(raw(*first) + each).second);
    }
  }
}

TEST_F(InoAllocators, GiveOutTheLastNumberOfTheirWriterAndNoneBeyond) {
  set_counter(kInosPerWriter - 2);
  InoAllocator inos(*keys_);

  EXPECT_EQ(*inos.take(2), Ino{kInosPerWriter - 2});

  const auto beyond = inos.take();
  EXPECT_EQ(beyond.code(), Code::NoSpace);
  EXPECT_NE(beyond.status().message().find("4294967296 inode numbers"), std::string::npos);
  EXPECT_EQ(counter(), kInosPerWriter);
  EXPECT_EQ(InoAllocator(*keys_).take().code(), Code::NoSpace) << "nor does the next process";
}

TEST_F(InoAllocators, RefuseARowThatReachesBeyondTheLastNumber) {
  set_counter(kInosPerWriter - 2);
  InoAllocator inos(*keys_);

  EXPECT_EQ(inos.take(3).code(), Code::NoSpace);
  EXPECT_EQ(*inos.take(2), Ino{kInosPerWriter - 2}) << "and lose none by it";
}

TEST_F(InoAllocators, GoOnAsTheWriterThatTheCounterNames) {
  const std::uint64_t first = 3 * kInosPerWriter + kFirstFreeIno;
  set_counter(first);
  EXPECT_EQ(*InoAllocator(*keys_).take(), Ino{first});

  set_counter(4 * kInosPerWriter);
  EXPECT_EQ(InoAllocator(*keys_).take().code(), Code::NoSpace) << "never into the next writer's";
}

TEST_F(InoAllocators, SayThatADamagedCounterIs) {
  set_counter(kFirstFreeIno - 1);

  EXPECT_EQ(InoAllocator(*keys_).take().code(), Code::Corrupt);
}

TEST(Inos, OfTheLastWriterLeaveTheBlocksAlone) {
  const Ino last{(kLocalWriter << kInoCounterBits) | (kInosPerWriter - 1)};

  EXPECT_EQ(raw(last) >> kInoBlockShift, 0u);
  EXPECT_EQ(raw(in_block(last, 255)) >> kInoBlockShift, 255u);
  EXPECT_EQ(raw(in_block(last, 255)) & raw(last), raw(last));
}

}  // namespace
}  // namespace modelfs
