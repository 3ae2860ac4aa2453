#include "drafts/frozen_draft.h"

#include <algorithm>

#include "catalog/keys.h"
#include "support/drafts_fixture.h"

namespace modelfs {
namespace {

class FrozenDraftTest : public DraftsFixture {
 protected:
  void SetUp() override {
    DraftsFixture::SetUp();
    draft_ = make_directory(kPlace, "draft");
    directory_ino_ = make_directory(draft_, "sub");
    large_file_ = make_file(directory_ino_, "large", large_);
    small_file_ = make_file(draft_, "small", "abc");
  }
  std::unique_ptr<FrozenDraft> freeze(Ino root) {
    auto frozen = drafts_->freezer().freeze(root);
    EXPECT_TRUE(frozen.ok()) << frozen.status().message();
    return frozen.ok() ? std::move(*frozen) : nullptr;
  }
  std::uint32_t index_of(const FrozenDraft& frozen, Ino ino) {
    const auto& entries = frozen.entries();
    const auto found =
        std::find_if(entries.begin(), entries.end(), [&](const FrozenEntry& entry) { return entry.ino == ino; });
    return static_cast<std::uint32_t>(found - entries.begin());
  }
  // Leaves the large file without a hash.
  void drop_hash() {
    Batch batch;
    batch.erase(keys::draft_hash(large_file_));
    ASSERT_TRUE(engine_.keys->commit(batch, Durability::Buffered, SpaceNeed::Reclaims).ok());
  }

  Ino draft_ = kNoIno, directory_ino_ = kNoIno, large_file_ = kNoIno, small_file_ = kNoIno;
};

TEST_F(FrozenDraftTest, HoldsWhatIsInItWithSizesAndHashes) {
  const auto frozen = freeze(draft_);
  ASSERT_EQ(frozen->entries().size(), 4u);
  const std::uint32_t large = index_of(*frozen, large_file_);
  EXPECT_EQ(frozen->path_of(large), "sub/large");
  EXPECT_EQ(frozen->entries()[large].size_bytes, large_.size());
  EXPECT_EQ(frozen->hash(large, false)->hash, hash_of(bytes_of(large_)));
  EXPECT_EQ(frozen->hash(index_of(*frozen, small_file_), false)->hash, hash_of(bytes_of("abc")));
  EXPECT_EQ(frozen->unhashed_bytes(), 0u);
  EXPECT_EQ(*frozen->read(large, large_.size()), large_);
  EXPECT_EQ(frozen->read(large, large_.size() - 1).code(), Code::TooLarge);
}

TEST_F(FrozenDraftTest, CannotBeChangedAsLongAsItLives) {
  auto frozen = freeze(draft_);
  EXPECT_EQ(drafts_->freezer().freeze(draft_).code(), Code::Busy);
  EXPECT_EQ(drafts_->files().open(large_file_, true, 0).code(), Code::Busy);
  EXPECT_TRUE(drafts_->files().open(large_file_, false, 0).ok());
  EXPECT_EQ(drafts_->sealer().seal(small_file_).code(), Code::Busy);
  EXPECT_EQ(tree().make(directory_ino_, "more", {FileType::Regular, {}, ""}).code(), Code::Busy);
  EXPECT_EQ(tree().unlink(draft_, "small").code(), Code::Busy);
  EXPECT_EQ(tree().rename(kPlace, "draft", kPlace, "other", true).code(), Code::Busy);

  frozen.reset();
  EXPECT_TRUE(tree().unlink(draft_, "small").ok());
  EXPECT_TRUE(freeze(draft_) != nullptr);
}

TEST_F(FrozenDraftTest, HashesOnlyIfItMay) {
  drop_hash();
  const auto frozen = freeze(draft_);
  const std::uint32_t large = index_of(*frozen, large_file_);

  EXPECT_EQ(frozen->unhashed_bytes(), large_.size());
  EXPECT_EQ(frozen->unhashed_hole_bytes(), 0u);
  EXPECT_EQ(frozen->hash(large, false).code(), Code::Busy);
  EXPECT_EQ(frozen->hash(large, true)->hash, hash_of(bytes_of(large_)));
  EXPECT_EQ(frozen->unhashed_bytes(), 0u);
  EXPECT_TRUE(frozen->hash(large, false).ok());
}

TEST_F(FrozenDraftTest, ThatIsRefusedIsLeftAsItWas) {
  const auto sealed = drafts_->sealer().seal(small_file_);
  ASSERT_TRUE(sealed.ok());
  EXPECT_EQ(drafts_->freezer().freeze(draft_).code(), Code::Busy);
  EXPECT_TRUE(tree().make(directory_ino_, "more", {FileType::Regular, {}, ""}).ok()) << "nothing of it stays frozen";
}

TEST_F(FrozenDraftTest, TakesAGraftedFileWithTheHashThatItWasSealedWith) {
  const auto sealed = drafts_->sealer().seal(make_file(kPlace, "outside", "bytes"));
  ASSERT_TRUE(sealed.ok());
  const auto frozen = freeze(draft_);
  ASSERT_TRUE(frozen->graft(**sealed, "joined").ok());

  const auto last = static_cast<std::uint32_t>(frozen->entries().size() - 1);
  EXPECT_EQ(frozen->path_of(last), "joined");
  EXPECT_TRUE(frozen->entries()[last].grafted);
  EXPECT_EQ(frozen->hash(last, false)->hash, hash_of(bytes_of("bytes")));
}

TEST_F(FrozenDraftTest, ThatIsPublishedIsDeadUntilItIsSwept) {
  {
    const auto frozen = freeze(draft_);
    Batch batch;
    ASSERT_TRUE(frozen->retire(kPlace, "draft", batch, [](std::uint32_t) { return ContentHash{}; }).ok());
    ASSERT_TRUE(engine_.keys->commit(batch, Durability::Durable, SpaceNeed::Grows).ok());
    frozen->mark_published();
  }
  EXPECT_EQ(tree().lookup(kPlace, "draft").code(), Code::NotFound);
  EXPECT_TRUE(tree().is_dead(large_file_));
  EXPECT_EQ(tree().unlink(directory_ino_, "large").code(), Code::Immutable);

  ASSERT_TRUE(drafts_->reclaimer().sweep().ok());

  EXPECT_FALSE(tree().is_dead(large_file_));
  EXPECT_EQ(tree().stat(large_file_).code(), Code::NotFound);
  EXPECT_FALSE(has_host_file(large_file_));
}

TEST_F(FrozenDraftTest, LeavesAFileWithANameOutsideThereWithTheBlobsBytes) {
  ASSERT_TRUE(tree().link(large_file_, kPlace, "outside").ok());
  const ContentHash hash = hash_of(bytes_of(large_));
  {
    const auto frozen = freeze(draft_);
    EXPECT_TRUE(frozen->entries()[index_of(*frozen, large_file_)].named_outside);
    Batch batch;
    ASSERT_TRUE(frozen->retire(kPlace, "draft", batch, [&](std::uint32_t) { return hash; }).ok());
    ASSERT_TRUE(engine_.keys->commit(batch, Durability::Durable, SpaceNeed::Grows).ok());
    frozen->mark_published();
  }
  ASSERT_TRUE(drafts_->reclaimer().sweep().ok());

  const auto kept = tree().stat(large_file_);
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->record.link_count, 1u);
  EXPECT_EQ(kept->record.blob->hash, hash);
  EXPECT_FALSE(has_host_file(large_file_));
}

TEST_F(FrozenDraftTest, TakesThePlaceOnlyOfADirectoryThatHoldsNothingElse) {
  const Ino beneath = make_directory(kPlace, "1.0");
  ASSERT_TRUE(tree().rename(kPlace, "draft", beneath, "draft", false).ok());
  make_directory(beneath, kStageName);
  const Ino other = make_file(beneath, "other");
  {
    const auto frozen = freeze(draft_);
    EXPECT_EQ(frozen->freeze_replaced_dir(beneath).code(), Code::NotEmpty);
  }
  ASSERT_TRUE(tree().unlink(beneath, "other").ok());
  EXPECT_EQ(tree().stat(other).code(), Code::NotFound);

  const auto frozen = freeze(draft_);
  ASSERT_TRUE(frozen->freeze_replaced_dir(beneath).ok());
  EXPECT_EQ(tree().make(beneath, "late", {FileType::Regular, {}, ""}).code(), Code::Busy);
}

TEST_F(FrozenDraftTest, ReadsAFileBesideItOnceItsWriterHasClosed) {
  const Ino beside = make_file(kPlace, "1.0.json", "{}");
  const auto frozen = freeze(draft_);
  {
    const auto writer = open(beside, true);
    EXPECT_EQ(frozen->read_finished(beside, 10).code(), Code::Busy);
  }
  EXPECT_EQ(drafts_->files().open(beside, true, 0).code(), Code::Busy) << "it is frozen with the draft";
}

}  // namespace
}  // namespace modelfs
