#include "engine/rocksdb/key_claims.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace modelfs {
namespace {

Batch batch_of(const std::string& expected, const std::string& changed) {
  Batch batch;
  if (!expected.empty()) batch.expect(expected, std::nullopt);
  if (!changed.empty()) batch.put(changed, "1");
  return batch;
}

// Would wait for ever if they met.
TEST(KeyClaims, CommitsOfDifferentDomainsDoNotMeet) {
  KeyClaims claims;
  const Batch one = batch_of("d/one", "d/one");
  const Batch two = batch_of("d/two", "d/two");

  const auto first = claims.take(one);
  const auto second = claims.take(two);
}

TEST(KeyClaims, CommitsThatOnlyChangeOrOnlyExpectTheSameDoNotMeet) {
  KeyClaims claims;
  const Batch change = batch_of("", "shared");
  const Batch expect = batch_of("other", "");

  const auto first = claims.take(change);
  const auto second = claims.take(change);
  const auto third = claims.take(expect);
  const auto fourth = claims.take(expect);
}

struct Meeting {
  const char* name;
  Batch first;
  Batch second;
};

class MeetingClaims : public testing::TestWithParam<Meeting> {};

TEST_P(MeetingClaims, GoOneAfterTheOther) {
  KeyClaims claims;
  bool first_is_back = false;  // guarded by the claims themselves
  std::thread waiter;
  {
    const auto first = claims.take(GetParam().first);
    waiter = std::thread([&] {
      const auto second = claims.take(GetParam().second);
      EXPECT_TRUE(first_is_back);
    });
    first_is_back = true;
  }
  waiter.join();
}

Batch erasing_prefix(const std::string& prefix) {
  Batch batch;
  batch.erase_prefix(prefix);
  return batch;
}

INSTANTIATE_TEST_SUITE_P(
    , MeetingClaims,
    testing::Values(Meeting{"SameHead", batch_of("head", "head"), batch_of("head", "head")},
                    Meeting{"BlindWriteOfAnExpectedKey", batch_of("head", "a"), batch_of("", "head")},
                    Meeting{"ExpectationOfABlindlyWrittenKey", batch_of("", "head"), batch_of("head", "a")},
                    Meeting{"PrefixOfAnExpectedKey", batch_of("d/x", "a"), erasing_prefix("d/")}),
    [](const auto& meeting) { return meeting.param.name; });

}  // namespace
}  // namespace modelfs
