#include "drafts/draft_tree.h"

#include "support/drafts_fixture.h"

namespace modelfs {
namespace {

class DraftTreeTest : public DraftsFixture {
 protected:
  std::uint32_t links(Ino ino) { return tree().stat(ino)->record.link_count; }
};

TEST_F(DraftTreeTest, CountsNamesOfFilesAndSubdirectoriesOfDirectories) {
  const Ino draft = make_directory(kPlace, "draft");
  const Ino file = make_file(draft, "file");
  ASSERT_TRUE(tree().link(file, draft, "other").ok());
  make_directory(draft, "sub");
  EXPECT_EQ(links(file), 2u);
  EXPECT_EQ(links(draft), 3u);
  ASSERT_TRUE(tree().unlink(draft, "other").ok());
  ASSERT_TRUE(tree().rmdir(draft, "sub").ok());
  EXPECT_EQ(links(file), 1u);
  EXPECT_EQ(links(draft), 2u);
}

TEST_F(DraftTreeTest, TakesATargetOf4095BytesAtMost) {
  const auto make_link = [&](std::size_t bytes) {
    return tree().make(kPlace, std::to_string(bytes), {FileType::Symlink, {}, std::string(bytes, 'x')}).code();
  };
  EXPECT_EQ(make_link(kSymlinkBytesMax), Code::Ok);
  EXPECT_EQ(make_link(kSymlinkBytesMax + 1), Code::NameTooLong);
}

TEST_F(DraftTreeTest, RefusesANameThatIsTaken) {
  const Ino file = make_file(kPlace, "a");
  make_file(kPlace, "b");
  EXPECT_EQ(tree().make(kPlace, "a", {FileType::Directory, {}, ""}).code(), Code::AlreadyExists);
  EXPECT_EQ(tree().link(file, kPlace, "b").code(), Code::AlreadyExists);
  EXPECT_EQ(tree().rename(kPlace, "a", kPlace, "b", false).code(), Code::AlreadyExists);
  EXPECT_TRUE(tree().rename(kPlace, "a", kPlace, "b", true).ok());
  EXPECT_EQ(tree().lookup(kPlace, "b")->ino, file);
}

TEST_F(DraftTreeTest, MovesADirectoryOnlyOverAnEmptyOneAndNeverIntoItself) {
  const Ino one = make_directory(kPlace, "one");
  const Ino two = make_directory(kPlace, "two");
  make_file(two, "file");
  const Ino file = make_file(kPlace, "file");
  EXPECT_EQ(tree().rename(kPlace, "one", kPlace, "two", true).code(), Code::NotEmpty);
  EXPECT_EQ(tree().rename(kPlace, "one", kPlace, "file", true).code(), Code::NotADirectory);
  EXPECT_EQ(tree().rename(kPlace, "file", kPlace, "one", true).code(), Code::IsADirectory);
  EXPECT_EQ(tree().rename(kPlace, "one", make_directory(one, "below"), "x", true).code(), Code::InvalidArgument);
  EXPECT_TRUE(tree().rename(kPlace, "two", one, "two", true).ok());
  EXPECT_EQ(tree().name_of(two)->directory, one);
  EXPECT_EQ(tree().name_of(two)->name, "two");
  EXPECT_TRUE(tree().stat(file).ok());
}

TEST_F(DraftTreeTest, ExchangesAFileAndADirectory) {
  const Ino above = make_directory(kPlace, "above");
  const Ino directory = make_directory(above, "directory");
  const Ino file = make_file(kPlace, "file");
  ASSERT_TRUE(tree().exchange(above, "directory", kPlace, "file").ok());
  EXPECT_EQ(tree().lookup(above, "directory")->ino, file);
  EXPECT_EQ(tree().lookup(kPlace, "file")->ino, directory);
  EXPECT_EQ(links(above), 2u);
  EXPECT_EQ(tree().stat(directory)->record.parent, kPlace);
}

TEST_F(DraftTreeTest, KeepsADirectoryThatAskedForItsNamesHasSomethingElse) {
  make_directory(kPlace, "draft");
  const auto refuse = [] { return Status(Code::NotEmpty, "a placement"); };
  EXPECT_EQ(tree().rmdir(kPlace, "draft", refuse).code(), Code::NotEmpty);
  EXPECT_TRUE(tree().rmdir(kPlace, "draft", [] { return Status(); }).ok());
}

TEST_F(DraftTreeTest, KeepsADirectoryThatACommitHolds) {
  const Ino draft = make_directory(kPlace, "draft");
  const auto commit_meanwhile = [&] {
    Batch batch;
    EXPECT_TRUE(tree().hold_directory(draft, batch).ok());
    return engine_.keys->commit(batch, Durability::Durable, SpaceNeed::Grows);
  };
  EXPECT_EQ(tree().rmdir(kPlace, "draft", commit_meanwhile).code(), Code::NotEmpty);
  EXPECT_TRUE(tree().stat(draft).ok());
}

TEST_F(DraftTreeTest, KnowsWhenTheNamesInAPlaceChanged) {
  EXPECT_EQ(tree().names_changed(kPlace), TimeNs{});
  make_file(kPlace, "file");
  const TimeNs made = tree().names_changed(kPlace);
  EXPECT_GT(made, TimeNs{});
  tree().touch_place(kPlace);
  EXPECT_GE(tree().names_changed(kPlace), made);
}

}  // namespace
}  // namespace modelfs
