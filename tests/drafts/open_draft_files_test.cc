#include "drafts/open_draft_files.h"

#include <unistd.h>

#include "support/drafts_fixture.h"

namespace modelfs {
namespace {

class OpenDraftFilesTest : public DraftsFixture {
 protected:
  void SetUp() override {
    DraftsFixture::SetUp();
    draft_ = make_directory(kPlace, "draft");
    file_ = make_file(draft_, "file", large_);
  }
  // Freezes the draft and lets it go again.
  Status freeze() { return drafts_->freezer().freeze(draft_).status(); }

  Ino draft_ = kNoIno;
  Ino file_ = kNoIno;
};

TEST_F(OpenDraftFilesTest, AreOneFileForAllWhoHaveThemOpenForWriting) {
  const auto one = open(file_, true);
  const auto other = open(file_, true);
  EXPECT_EQ(&one->file(), &other->file());
  ASSERT_TRUE(one->write(0, bytes_of("y")).ok());
  EXPECT_EQ(other->file().changes(), 1u);
}

TEST_F(OpenDraftFilesTest, ThatWereOpenedForReadingGiveWayToTheWriters) {
  const auto reader = open(file_, false);
  const auto writer = open(file_, true);
  EXPECT_NE(&reader->file(), &writer->file());
  EXPECT_EQ(&open(file_, false)->file(), &writer->file());
}

TEST_F(OpenDraftFilesTest, AreWrittenOnlyByWhoOpenedThemForIt) {
  EXPECT_EQ(open(file_, false)->write(0, bytes_of("y")).code(), Code::BadHandle);
  EXPECT_EQ(open(file_, false)->allocate(0, 0, 1).code(), Code::BadHandle);
  EXPECT_EQ(open(file_, false)->borrow({}, 0, 1).code(), Code::BadHandle);
}

TEST_F(OpenDraftFilesTest, KeepACommitWaitingWhileTheyAreOpenForWriting) {
  const auto writer = open(file_, true, ::getpid());
  const Status busy = freeze();
  EXPECT_EQ(busy.code(), Code::Busy);
  EXPECT_NE(busy.message().find("file is open for writing by"), std::string::npos) << busy.message();
  EXPECT_NE(busy.message().find("pid " + std::to_string(::getpid())), std::string::npos) << busy.message();

  const auto reader = open(file_, false);
  EXPECT_EQ(drafts_->sealer().seal(file_).code(), Code::Conflict);
}

TEST_F(OpenDraftFilesTest, ThatAreReleasedKeepNoCommitWaiting) {
  auto writer = open(file_, true);
  const auto reader = open(file_, false);
  ASSERT_TRUE(writer->flush().ok());
  writer.reset();
  EXPECT_TRUE(freeze().ok());
}

TEST_F(OpenDraftFilesTest, AreClosedUntilTheyAreWrittenAgain) {
  const auto writer = open(file_, true);
  ASSERT_TRUE(writer->flush().ok());
  EXPECT_TRUE(drafts_->sealer().seal(file_).ok());
  ASSERT_TRUE(writer->write(0, bytes_of("y")).ok());
  EXPECT_EQ(drafts_->sealer().seal(file_).code(), Code::Conflict);
}

TEST_F(OpenDraftFilesTest, AreHashedByTheLastWritersClose) {
  const auto one = open(file_, true);
  const auto other = open(file_, true);
  ASSERT_TRUE(one->write(0, bytes_of("y")).ok());
  ASSERT_TRUE(one->flush().ok());
  EXPECT_GT(one->file().unhashed_bytes(), 0u);
  ASSERT_TRUE(other->flush().ok());
  EXPECT_EQ(one->file().unhashed_bytes(), 0u);
  EXPECT_EQ(one->file().recorded()->hash, hash_of(bytes_of("y" + large_.substr(1))));
}

TEST_F(OpenDraftFilesTest, ThatHaveLostTheirNameGoWithTheLastRelease) {
  auto one = open(file_, true);
  auto other = open(file_, false);
  ASSERT_TRUE(tree().unlink(draft_, "file").ok());
  one.reset();
  EXPECT_EQ(tree().stat(file_)->record.link_count, 0u);
  EXPECT_TRUE(has_host_file(file_));
  other.reset();
  EXPECT_EQ(tree().stat(file_).code(), Code::NotFound);
  EXPECT_FALSE(has_host_file(file_));
}

TEST_F(OpenDraftFilesTest, TellWhoFollowsThemOnlyWhileTheyAreWritten) {
  struct Follower final : WriteListener {
    void grown(std::uint64_t bytes) override { grown_bytes = bytes; }
    void spoiled() override { is_spoiled = true; }
    Status verdict() override { return {}; }
    std::uint64_t grown_bytes = 0;
    bool is_spoiled = false;
  };
  const auto follower = std::make_shared<Follower>();
  const Ino fresh = make_file(draft_, "fresh");
  EXPECT_FALSE(drafts_->files().follow(fresh, follower));

  const auto writer = open(fresh, true);
  ASSERT_TRUE(drafts_->files().follow(fresh, follower));
  ASSERT_TRUE(writer->write(0, bytes_of("abc")).ok());
  EXPECT_EQ(follower->grown_bytes, 3u);
  EXPECT_FALSE(follower->is_spoiled);
  ASSERT_TRUE(writer->write(1, bytes_of("x")).ok());
  EXPECT_TRUE(follower->is_spoiled);
  EXPECT_FALSE(drafts_->files().follow(fresh, follower)) << "not in order any more";
}

}  // namespace
}  // namespace modelfs
