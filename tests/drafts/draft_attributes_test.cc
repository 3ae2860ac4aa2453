#include "drafts/draft_attributes.h"

#include "support/drafts_fixture.h"

namespace modelfs {
namespace {

class DraftAttributesTest : public DraftsFixture {
 protected:
  DraftAttributes& attributes() { return drafts_->attributes(); }
  Status set(Ino ino, std::string_view name, std::string_view value, AttributeMode mode = AttributeMode::Set) {
    return attributes().setxattr(ino, name, value, mode);
  }
};

TEST_F(DraftAttributesTest, ChangeWhatIsNamedAndNothingElse) {
  const Ino file = make_file(kPlace, "file", "abc");
  DraftChange change;
  change.mode = 0100640;
  change.uid = 1000;
  const auto changed = attributes().setattr(file, change);

  ASSERT_TRUE(changed.ok());
  EXPECT_EQ(changed->record.owner.mode, 0640u) << "the type is no part of it";
  EXPECT_EQ(changed->record.owner.uid, 1000u);
  EXPECT_EQ(changed->record.owner.gid, 0u);
  EXPECT_EQ(changed->size_bytes, 3u);
}

TEST_F(DraftAttributesTest, OfTimesAreKeptWhereverTheBytesLie) {
  DraftChange times;
  times.mtime = TimeNs{1'000'000'000'000'000'007};
  times.atime = TimeNs{-5};
  for (const Ino file : {make_file(kPlace, "small", "abc"), make_file(kPlace, "large", large_)}) {
    ASSERT_TRUE(attributes().setattr(file, times).ok());
    EXPECT_EQ(tree().stat(file)->mtime, *times.mtime);
    EXPECT_EQ(tree().stat(file)->atime, *times.atime);
  }
}

TEST_F(DraftAttributesTest, OfSizeCutAndGrowTheBytes) {
  const Ino file = make_file(kPlace, "file", "abc");
  DraftChange change;
  change.size_bytes = 2;
  EXPECT_EQ(attributes().setattr(file, change)->size_bytes, 2u);
  change.size_bytes = 4;
  EXPECT_EQ(attributes().setattr(file, change)->size_bytes, 4u);
  EXPECT_EQ(bytes_of_draft(file), std::string("ab\0\0", 4));
}

TEST_F(DraftAttributesTest, ThatAreExtendedAreSetListedAndRemoved) {
  const Ino file = make_file(kPlace, "file");
  ASSERT_TRUE(set(file, "user.a", "").ok());
  ASSERT_TRUE(set(file, "user.b", std::string("x\0y", 3)).ok());

  EXPECT_EQ(*attributes().getxattr(file, "user.a"), "");
  EXPECT_EQ(*attributes().getxattr(file, "user.b"), std::string("x\0y", 3));
  EXPECT_EQ(*attributes().listxattr(file), (std::vector<std::string>{"user.a", "user.b"}));
  ASSERT_TRUE(attributes().removexattr(file, "user.a").ok());
  EXPECT_EQ(attributes().getxattr(file, "user.a").code(), Code::NoAttribute);
  EXPECT_EQ(attributes().removexattr(file, "user.a").code(), Code::NoAttribute);
}

TEST_F(DraftAttributesTest, AreMadeOrReplacedAsAsked) {
  const Ino file = make_file(kPlace, "file");
  EXPECT_EQ(set(file, "user.a", "1", AttributeMode::Replace).code(), Code::NoAttribute);
  EXPECT_TRUE(set(file, "user.a", "1", AttributeMode::Create).ok());
  EXPECT_EQ(set(file, "user.a", "2", AttributeMode::Create).code(), Code::AlreadyExists);
  EXPECT_TRUE(set(file, "user.a", "2", AttributeMode::Replace).ok());
  EXPECT_EQ(*attributes().getxattr(file, "user.a"), "2");
}

TEST_F(DraftAttributesTest, HaveAtMost65536Bytes) {
  const Ino file = make_file(kPlace, "file");
  EXPECT_TRUE(set(file, "user.a", std::string(kAttributeBytesMax, 'x')).ok());
  EXPECT_EQ(set(file, "user.a", std::string(kAttributeBytesMax + 1, 'x')).code(), Code::TooLarge);
}

TEST_F(DraftAttributesTest, OfWhatIsBeingPublishedStay) {
  const Ino draft = make_directory(kPlace, "draft");
  const Ino file = make_file(draft, "file", "abc");
  {
    const auto frozen = drafts_->freezer().freeze(draft);
    ASSERT_TRUE(frozen.ok());
    EXPECT_EQ(set(file, "user.a", "1").code(), Code::Busy);
    EXPECT_EQ(attributes().removexattr(draft, "user.a").code(), Code::Busy);
    DraftChange change;
    change.mode = 0600;
    EXPECT_EQ(attributes().setattr(file, change).code(), Code::Busy);
  }
  EXPECT_TRUE(set(file, "user.a", "1").ok());
}

}  // namespace
}  // namespace modelfs
