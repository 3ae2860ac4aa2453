#include "drafts/draft_hashes.h"

#include <gtest/gtest.h>

#include "catalog/keys.h"
#include "engine/memory/memory_engine.h"

namespace modelfs {
namespace {

constexpr Ino kIno{5};

class DraftHashesTest : public testing::Test {
 protected:
  void put_boot(const std::string& id) {
    Batch batch;
    batch.put(keys::kBootId, id);
    ASSERT_TRUE(keys_.commit(batch, Durability::Buffered, SpaceNeed::Reclaims).ok());
  }

  Engine engine_ = make_memory_engine();
  KeyValueStore& keys_ = *engine_.keys;
  const DraftHash hash_{3, hash_of(bytes_of("abc")), false};
};

TEST_F(DraftHashesTest, AreKeptForTheNextProcess) {
  ASSERT_TRUE(DraftHashes(keys_).remember(kIno, hash_).ok());

  DraftHashes next(keys_);
  ASSERT_TRUE(next.forget_after_reboot().ok());
  EXPECT_EQ(next.stored(kIno)->hash, hash_.hash);
  ASSERT_TRUE(next.forget(kIno).ok());
  EXPECT_FALSE(next.stored(kIno));
}

TEST_F(DraftHashesTest, OfBeforeARebootAreForgotten) {
  ASSERT_TRUE(DraftHashes(keys_).remember(kIno, hash_).ok());
  put_boot("another boot");

  DraftHashes next(keys_);
  EXPECT_FALSE(next.stored(kIno)) << "not believed before it was looked";
  ASSERT_TRUE(next.forget_after_reboot().ok());
  EXPECT_FALSE(next.stored(kIno));
  EXPECT_EQ(keys_.get(keys::draft_hash(kIno)).code(), Code::NotFound);
}

TEST_F(DraftHashesTest, OfBeforeARebootAreForgottenByTheFirstThatIsRemembered) {
  ASSERT_TRUE(DraftHashes(keys_).remember(kIno, hash_).ok());
  put_boot("another boot");

  DraftHashes next(keys_);
  ASSERT_TRUE(next.remember(Ino{6}, hash_).ok());
  EXPECT_FALSE(next.stored(kIno));
  EXPECT_TRUE(next.stored(Ino{6}));
}

TEST_F(DraftHashesTest, ThatAreDamagedAreNone) {
  DraftHashes hashes(keys_);
  ASSERT_TRUE(hashes.remember(kIno, hash_).ok());
  Batch batch;
  batch.put(keys::draft_hash(kIno), "damaged");
  ASSERT_TRUE(keys_.commit(batch, Durability::Buffered, SpaceNeed::Reclaims).ok());
  EXPECT_FALSE(hashes.stored(kIno));
}

}  // namespace
}  // namespace modelfs
