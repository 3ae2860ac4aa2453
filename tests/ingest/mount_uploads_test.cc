// Uploads through a mount: what their closes and their ends do.
#include "ingest/mount_uploads.h"

#include <unistd.h>

#include "archive/building.h"
#include "support/becomes_true.h"
#include "support/client_mount_fixture.h"

namespace modelfs {
namespace {

class Uploads : public ClientMountFixture {
 protected:
  void SetUp() override {
    ClientMountFixture::SetUp();
    domain_ = std::make_unique<DomainName>(make_domain());
    parent_ = know_domain(*domain_);
    uploads_ = std::make_unique<MountUploads>(*registry_, *ingest_, layouts_, layout_mount_, *this, "/nowhere");
  }

  Ino begin(const std::string& name) {
    const auto made =
        uploads_->begin(who_, parent_, name, rule_of(parent_, name), {FileType::Regular, {0, 0, 0644}, ""});
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? made->ino : kNoIno;
  }
  std::unique_ptr<DraftHandle> open(Ino file) {
    auto handle = registry_->drafts().files().open(file, true, 0);
    EXPECT_TRUE(handle.ok()) << handle.status().message();
    uploads_->opened(file);
    return std::move(*handle);
  }
  std::unique_ptr<DraftHandle> write(Ino file, const std::string& bytes) {
    auto handle = open(file);
    EXPECT_TRUE(handle->write(0, bytes_of(bytes)).ok());
    EXPECT_TRUE(handle->flush().ok());
    return handle;
  }
  bool is_published(const char* version) { return registry_->snapshot()->release(*domain_, version).ok(); }

  const Credentials who_{0, 0, ::getpid(), {}};
  std::unique_ptr<DomainName> domain_;
  Node parent_;
  std::unique_ptr<MountUploads> uploads_;
};

TEST_F(Uploads, TheCloseOfAnArchivePublishesItAndTellsTheMount) {
  const Ino file = begin("1.0.tar");
  EXPECT_EQ(uploads_->named(parent_.ino, "1.0.tar", who_), file);
  const auto handle = write(file, tar_file("weights", "abc") + tar_end());

  ASSERT_TRUE(uploads_->close(who_, *handle).ok());

  EXPECT_TRUE(is_published("1.0"));
  EXPECT_EQ(rebound_, std::vector<std::string>{"1.0"});
  EXPECT_FALSE(uploads_->is_pending(file));
}

TEST_F(Uploads, ARefusedCloseSaysWhyFreesTheNameAndAnswersLaterClosesAlike) {
  const Ino file = begin("1.0.tar");
  const auto handle = write(file, "no archive");

  const Status first = uploads_->close(who_, *handle);
  const Status second = uploads_->close(who_, *handle);

  EXPECT_EQ(first.code(), Code::Malformed);
  EXPECT_EQ(second.message(), first.message());
  EXPECT_EQ(reasons_.size(), 1u);
  EXPECT_FALSE(uploads_->named(parent_.ino, "1.0.tar", who_));
  EXPECT_EQ(registry_->drafts().tree().list(registry_->snapshot()->domain(*domain_)->uploads())->size(), 1u);
}

TEST_F(Uploads, AnEmptyFileIsNotDecidedAndGoesWithItsLastHandle) {
  const Ino file = begin("1.0.tar");
  auto one = open(file);
  auto other = open(file);
  EXPECT_TRUE(uploads_->close(who_, *one).ok());

  uploads_->end(std::move(one));
  EXPECT_TRUE(uploads_->is_pending(file));
  uploads_->end(std::move(other));

  EXPECT_FALSE(uploads_->is_pending(file));
  EXPECT_TRUE(registry_->drafts().tree().list(registry_->snapshot()->domain(*domain_)->uploads())->empty());
}

TEST_F(Uploads, WhatNoCloseHasDecidedIsDecidedAtTheEnd) {
  auto handle = write(begin("1.0.tar"), tar_file("weights", "abc") + tar_end());

  uploads_->end(std::move(handle));

  EXPECT_TRUE(becomes_true([this] { return is_published("1.0"); }));
}

TEST_F(Uploads, WhatIsRemovedBeforeAnybodyOpensItIsForgotten) {
  const Ino file = begin("1.0.tar");

  const auto removed = uploads_->unlink(parent_.ino, "1.0.tar", who_);

  ASSERT_TRUE(removed);
  EXPECT_TRUE(removed->ok()) << removed->message();
  EXPECT_FALSE(uploads_->is_pending(file));
}

TEST_F(Uploads, AnotherProcessDoesNotSeeTheName) {
  begin("1.0.tar");
  const Credentials other{0, 0, ::getppid(), {}};
  EXPECT_FALSE(uploads_->named(parent_.ino, "1.0.tar", other));
  EXPECT_FALSE(uploads_->unlink(parent_.ino, "1.0.tar", other));
}

TEST_F(Uploads, OneThatIsIncompleteGoesOnWhereItsWriterOpensItAgain) {
  const std::string archive = tar_file("weights", std::string(3000, 'w')) + tar_end();
  const Ino file = begin("1.0.tar");
  auto handle = write(file, archive.substr(0, 2000));
  ASSERT_EQ(uploads_->close(who_, *handle).code(), Code::Malformed);
  uploads_->end(std::move(handle));

  ASSERT_EQ(uploads_->named(parent_.ino, "1.0.tar", who_), file);
  const Credentials other{0, 0, ::getppid(), {}};
  EXPECT_FALSE(uploads_->named(parent_.ino, "1.0.tar", other)) << "the name is free for others";
  auto again = open(file);
  ASSERT_TRUE(again->write(2000, bytes_of(archive.substr(2000))).ok());
  ASSERT_TRUE(again->flush().ok());

  EXPECT_TRUE(uploads_->close(who_, *again).ok());
  EXPECT_TRUE(is_published("1.0"));
}

TEST_F(Uploads, OneThatIsIncompleteIsNotJudgedAgainUntilItIsWritten) {
  const Ino file = begin("1.0.tar");
  auto handle = write(file, tar_file("weights", "abc"));
  ASSERT_EQ(uploads_->close(who_, *handle).code(), Code::Malformed);
  uploads_->end(std::move(handle));

  auto again = open(file);
  EXPECT_EQ(uploads_->close(who_, *again).code(), Code::Malformed);
  uploads_->end(std::move(again));

  EXPECT_EQ(reasons_.size(), 1u);
  EXPECT_EQ(uploads_->named(parent_.ino, "1.0.tar", who_), file);
}

TEST_F(Uploads, OneThatIsIncompleteAndWasRemovedIsNotSeenAgain) {
  const Ino file = begin("1.0.tar");
  auto handle = write(file, tar_file("weights", "abc"));
  ASSERT_EQ(uploads_->close(who_, *handle).code(), Code::Malformed);
  uploads_->end(std::move(handle));

  ASSERT_TRUE(registry_->drafts().tree().unlink(registry_->snapshot()->domain(*domain_)->uploads(), "1.0.tar").ok());

  EXPECT_FALSE(uploads_->named(parent_.ino, "1.0.tar", who_));
}

}  // namespace
}  // namespace modelfs
