#include "drafts/draft_reclaimer.h"

#include <fstream>

#include "catalog/keys.h"
#include "support/drafts_fixture.h"

namespace modelfs {
namespace {

class DraftReclaimerTest : public DraftsFixture {
 protected:
  DraftReclaimer& reclaimer() { return drafts_->reclaimer(); }
  // A draft directory with one file in a directory of its own. The file.
  Ino make_draft(std::string_view name) {
    draft_ = make_directory(kPlace, name);
    sub_ = make_directory(draft_, "sub");
    return make_file(sub_, "file", large_);
  }

  Ino draft_ = kNoIno, sub_ = kNoIno;
};

TEST_F(DraftReclaimerTest, TakesADraftAwayAtOnceAndItsSpaceLater) {
  const Ino file = make_draft("draft");
  ASSERT_TRUE(reclaimer().discard(kPlace, "draft").ok());
  EXPECT_EQ(tree().lookup(kPlace, "draft").code(), Code::NotFound);
  EXPECT_TRUE(has_host_file(file));

  ASSERT_TRUE(reclaimer().sweep().ok());

  EXPECT_FALSE(has_host_file(file));
  EXPECT_EQ(tree().stat(file).code(), Code::NotFound);
  EXPECT_EQ(tree().stat(draft_).code(), Code::NotFound);
  EXPECT_EQ(reclaimer().discard(kPlace, "draft").code(), Code::NotFound);
}

TEST_F(DraftReclaimerTest, GoesOnAtTheNextStartWhereTheEndCameFirst) {
  const Ino file = make_draft("draft");
  ASSERT_TRUE(reclaimer().discard(kPlace, "draft").ok());
  drafts_->shutdown().begin(Shutdown::kPatience);
  EXPECT_EQ(reclaimer().sweep().code(), Code::Interrupted);
  EXPECT_TRUE(has_host_file(file));

  restart();

  EXPECT_TRUE(tree().is_dead(draft_));
  ASSERT_TRUE(reclaimer().sweep().ok());
  EXPECT_FALSE(has_host_file(file));
  EXPECT_FALSE(tree().is_dead(draft_));
}

TEST_F(DraftReclaimerTest, SweepsMoreNamesThanFitIntoOneBatchAndFilesWithSeveral) {
  const Ino file = make_draft("draft");
  for (int i = 0; i < 600; ++i) ASSERT_TRUE(tree().link(file, draft_, "link-" + std::to_string(i)).ok());
  ASSERT_TRUE(reclaimer().discard(kPlace, "draft").ok());
  ASSERT_TRUE(reclaimer().sweep().ok());
  EXPECT_EQ(tree().stat(file).code(), Code::NotFound);
  EXPECT_FALSE(has_host_file(file));
  EXPECT_TRUE(tree().list(draft_)->empty());
}

TEST_F(DraftReclaimerTest, RemovesAtTheStartWhatLostItsNameWhileItWasOpen) {
  const Ino file = make_draft("draft");
  Batch batch;
  ASSERT_TRUE(reclaimer().retire_file(sub_, "file", file, batch).ok());
  ASSERT_TRUE(engine_.keys->commit(batch, Durability::Buffered, SpaceNeed::Reclaims).ok());
  EXPECT_TRUE(has_host_file(file));

  restart();

  EXPECT_EQ(tree().stat(file).code(), Code::NotFound);
  EXPECT_FALSE(has_host_file(file));
}

TEST_F(DraftReclaimerTest, RemovesARetiredFileOnceNobodyHasItOpen) {
  const Ino file = make_file(kPlace, "upload", large_);
  auto reader = open(file, false);
  Batch batch;
  ASSERT_TRUE(reclaimer().retire_file(kPlace, "upload", file, batch).ok());
  ASSERT_TRUE(engine_.keys->commit(batch, Durability::Durable, SpaceNeed::Grows).ok());
  reclaimer().file_retired(file);
  EXPECT_TRUE(tree().stat(file).ok());

  reader.reset();
  EXPECT_EQ(tree().stat(file).code(), Code::NotFound);
  EXPECT_FALSE(has_host_file(file));
}

TEST_F(DraftReclaimerTest, RemovesHostFilesThatNobodyKnows) {
  const Ino file = make_draft("draft");
  std::ofstream(directory_.path() + "/" + HostFiles::name_of(file) + ".own") << "half of a copy";
  { ASSERT_TRUE(HostFiles(directory_.fd()).create(Ino{0xabcd}).ok()); }

  EXPECT_EQ(*reclaimer().remove_orphans(), 2u);
  EXPECT_EQ(*reclaimer().remove_orphans(), 0u);
  EXPECT_TRUE(has_host_file(file));
  EXPECT_FALSE(has_host_file(Ino{0xabcd}));
}

TEST_F(DraftReclaimerTest, ListsTheBlobsThatDraftsReferTo) {
  make_file(kPlace, "small", "abc");
  make_file(kPlace, "large", large_);
  std::vector<Digest> digests;
  ASSERT_TRUE(reclaimer().for_each_blob([&](const Digest& digest) { digests.push_back(digest); }).ok());
  EXPECT_EQ(digests, std::vector<Digest>{hash_of(bytes_of("abc")).digest});
}

TEST(GcCandidatesTest, AreGivenOutOnceThereAreManyOrMuch) {
  GcCandidates candidates;
  DraftRecord record;
  record.blob = DraftBlobBytes{hash_of(bytes_of("abc")), 65'536, 65'536, true};
  const std::uint64_t enough = GcCandidates::kBytesMax / 65'536;
  for (std::uint64_t i = 0; i < enough; ++i) {
    EXPECT_TRUE(candidates.take().empty()) << i;
    record.blob->hash = hash_of(bytes_of(std::to_string(i)));
    candidates.note(record);
    candidates.note(record);  // a second time counts nothing
  }
  EXPECT_EQ(candidates.take().size(), enough);
  EXPECT_TRUE(candidates.take().empty());

  record.blob->size_bytes = 65'537;  // a blob's own file
  candidates.note(record);
  record.blob.reset();
  candidates.note(record);
  EXPECT_TRUE(candidates.take().empty());
}

TEST(ShutdownTest, LetsCommitsGoOnForAsLongAsItSays) {
  Shutdown shutdown;
  EXPECT_TRUE(shutdown.check_not_over().ok());
  EXPECT_FALSE(shutdown.has_begun());
  shutdown.begin(std::chrono::hours(1));
  EXPECT_TRUE(shutdown.has_begun());
  EXPECT_TRUE(shutdown.check_not_over().ok());
  shutdown.begin(std::chrono::seconds(0));
  EXPECT_TRUE(shutdown.check_not_over().ok()) << "the first call counts";

  Shutdown at_once;
  at_once.begin(std::chrono::seconds(0));
  EXPECT_EQ(at_once.check_not_over().code(), Code::Busy);
}

}  // namespace
}  // namespace modelfs
