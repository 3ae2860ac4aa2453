#include "catalog/keys.h"

#include <gtest/gtest.h>

#include "catalog/samples.h"

namespace modelfs {
namespace {

using std::string_literals::operator""s;

const DomainName kChurn = *DomainName::parse("churn");

TEST(Keys, OfADomainAreTheGoldenOnes) {
  EXPECT_EQ(keys::domain(kChurn), "d/churn");
  EXPECT_EQ(keys::release(kChurn, "1.2"),
            "r/churn\0"s
            "1.2");
  EXPECT_EQ(keys::by_sequence(kChurn, Sequence{7}), "q/churn\0\xff\xff\xff\xff\xff\xff\xff\xf8"s);
  EXPECT_EQ(keys::generation(kChurn, Sequence{7}, Generation{258}),
            "g/churn\0"s
            "\0\0\0\0\0\0\0\x07"s
            "\0\0\0\0\0\0\x01\x02"s);
  EXPECT_EQ(keys::label(kChurn, "prod"), "l/churn\0prod"s);
  EXPECT_EQ(keys::model_id(kChurn, "id"), "i/churn\0id"s);
  EXPECT_EQ(keys::removed(kChurn, "1.2"),
            "t/churn\0"s
            "1.2");
  EXPECT_EQ(keys::tombstone(kChurn, "1.2"),
            "T/churn\0"s
            "1.2");
  EXPECT_EQ(keys::history(kChurn, Sequence{258}),
            "h/churn\0"s
            "\0\0\0\0\0\0\x01\x02"s);
}

TEST(Keys, OfNumberedThingsAreTheGoldenOnes) {
  const std::string number = "\0\0\0\0\0\0\0@"s;  // 64

  EXPECT_EQ(keys::manifest(Ino{64}), "m/" + number);
  EXPECT_EQ(keys::metadata(Ino{64}), "j/" + number);
  EXPECT_EQ(keys::intent(Ino{64}), "w/" + number);
  EXPECT_EQ(keys::draft_inode(Ino{64}), "n/" + number);
  EXPECT_EQ(keys::draft_entry(Ino{64}, "a"), "e/" + number + "a");
  EXPECT_EQ(keys::attribute(Ino{64}, "user.a"), "x/" + number + "user.a");
  EXPECT_EQ(keys::draft_hash(Ino{64}), "c/" + number);
  EXPECT_EQ(keys::sweep(Ino{64}), "s/" + number);
  EXPECT_EQ(keys::nameless(Ino{64}), "u/" + number);
  EXPECT_EQ(keys::kNextIno, "I");
  EXPECT_EQ(keys::kBootId, "B");
}

TEST(Keys, OfABlobHoldItsDigest) { EXPECT_EQ(keys::blob(digest_of_all(0xaa)), "b/" + std::string(32, '\xaa')); }

TEST(Keys, OfLaterReleasesSortFirst) {
  EXPECT_LT(keys::by_sequence(kChurn, Sequence{256}), keys::by_sequence(kChurn, Sequence{255}));
}

TEST(Keys, OfOneDomainDoNotBeginLikeAnothers) {
  const DomainName longer = *DomainName::parse("churn2");

  EXPECT_FALSE(keys::release(longer, "1").starts_with(keys::in_domain('r', kChurn)));
}

}  // namespace
}  // namespace modelfs
