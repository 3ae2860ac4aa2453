#include "catalog/keys.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

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

TEST(Keys, OfARemovedDomainIsTheGoldenOne) { EXPECT_EQ(keys::removed_domain(kChurn), "D/churn"); }

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

TEST(Keys, OfPlacementsHoldThePathOfTheirDirectory) {
  EXPECT_EQ(keys::placement(kChurn, "m/churn/a", "x"), "v/churn\0m/churn/a\0x"s);
  EXPECT_EQ(keys::placement_of(Ino{64}, "m/churn/a", "x"), "y/\0\0\0\0\0\0\0@m/churn/a\0x"s);
  EXPECT_FALSE(keys::placement(kChurn, "m/churn/ab", "x").starts_with(keys::placements_in(kChurn, "m/churn/a")));
  EXPECT_TRUE(keys::placement(kChurn, "m/churn/a/b", "x").starts_with(keys::placements_below(kChurn, "m/churn/a")));
}

// Every builder of keys.h, and what begins like it.
struct Built {
  std::string key;
  keys::Life life;
};
std::vector<Built> every_key() {
  const auto shared = keys::Life::Shared;
  const auto host = keys::Life::HostOnly;
  const Digest digest = digest_of_all(0xaa);
  return {{keys::domain(kChurn), shared},
          {keys::policy(kChurn), shared},
          {keys::release(kChurn, "1"), shared},
          {keys::by_sequence(kChurn, Sequence{1}), shared},
          {keys::generations(kChurn, Sequence{1}), shared},
          {keys::generation(kChurn, Sequence{1}, Generation{1}), shared},
          {keys::label(kChurn, "prod"), shared},
          {keys::model_id(kChurn, "id"), shared},
          {keys::removed(kChurn, "1"), shared},
          {keys::tombstone(kChurn, "1"), shared},
          {keys::removed_domain(kChurn), shared},
          {keys::newest(kChurn), shared},
          {keys::placements_in(kChurn, "churn/2024"), shared},
          {keys::placements_below(kChurn, "churn/2024"), shared},
          {keys::placement(kChurn, "churn/2024", "x"), shared},
          {keys::placements_of(Ino{64}), shared},
          {keys::placement_of(Ino{64}, "churn/2024", "x"), shared},
          {keys::history(kChurn, Sequence{1}), shared},
          {keys::manifest(Ino{64}), shared},
          {keys::metadata(Ino{64}), shared},
          {keys::archive(Ino{64}), shared},
          {keys::recipe(Ino{64}), shared},
          {keys::location(digest), shared},
          {keys::condemned("blobs/aa/x.1"), shared},
          {keys::kCondemnations, shared},
          {keys::writer(7), shared},
          {keys::kPosition, host},
          {keys::kUnsettled, host},
          {keys::kVersion, host},
          {keys::kNextIno, host},
          {keys::kBootId, host},
          {keys::kModelstoreInUse, host},
          {keys::blob(digest), host},
          {keys::intent(Ino{64}), host},
          {keys::draft_inode(Ino{64}), host},
          {keys::draft_entries(Ino{64}), host},
          {keys::draft_entry(Ino{64}, "x"), host},
          {keys::attributes(Ino{64}), host},
          {keys::attribute(Ino{64}, "user.x"), host},
          {keys::draft_hash(Ino{64}), host},
          {keys::sweep(Ino{64}), host},
          {keys::nameless(Ino{64}), host}};
}

TEST(Keys, AreSharedOrTheHostsOwn) {
  for (const Built& each : every_key()) EXPECT_EQ(keys::life_of(each.key), each.life) << each.key;
}

TEST(Keys, OfEveryKindAreBuiltBySomebody) {
  std::set<char> built;
  for (const Built& each : every_key()) built.insert(each.key.front());

  std::set<char> known;
  for (int byte = 0; byte < 256; ++byte) {
    const char first = static_cast<char>(byte);
    if (keys::life_of(std::string(1, first))) known.insert(first);
  }

  EXPECT_EQ(built, known);
}

TEST(Keys, OfNoKindBelongToNobody) {
  for (const char* key : {"", "/", "C", "Z/", "E", "X/"}) EXPECT_FALSE(keys::life_of(key)) << key;
}

TEST(Keys, OfABlobHoldItsDigest) { EXPECT_EQ(keys::blob(digest_of_all(0xaa)), "b/" + std::string(32, '\xaa')); }

TEST(Keys, OfLaterReleasesSortFirst) {
  EXPECT_LT(keys::by_sequence(kChurn, Sequence{256}), keys::by_sequence(kChurn, Sequence{255}));
}

TEST(Keys, OfOneDomainDoNotBeginLikeAnothers) {
  const DomainName longer = *DomainName::parse("churn2");

  EXPECT_FALSE(keys::release(longer, "1").starts_with(keys::in_domain(keys::Kind::Release, kChurn)));
}

}  // namespace
}  // namespace modelfs
