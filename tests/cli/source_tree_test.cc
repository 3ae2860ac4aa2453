#include "cli/source_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/tree_bounds.h"
#include "cli/sparse_writer.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

namespace fs = std::filesystem;

class Trees : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) { std::ofstream(root_ + "/" + path) << text; }

  TemporaryDirectory directory_;
  const std::string root_ = directory_.path();
};

TEST_F(Trees, AreReadWithDirectoriesBeforeWhatIsInThem) {
  fs::create_directories(root_ + "/b/c");
  write("a", "1");
  write("b/c/d", "22");

  const auto tree = scan_tree(root_);

  ASSERT_TRUE(tree.ok()) << tree.status().message();
  ASSERT_EQ(tree->entries.size(), 5u);
  EXPECT_EQ(tree->entries[1].path, "a");
  EXPECT_EQ(tree->entries[3].path, "b/c");
  EXPECT_EQ(tree->entries[3].in, 2u);
  EXPECT_EQ(tree->entries[4].path, "b/c/d");
  EXPECT_EQ(tree->file_count, 2u);
  EXPECT_EQ(tree->total_bytes, 3u);
}

TEST_F(Trees, KeepSymlinksAsTheyAreAndCountHardLinksOnce) {
  write("a", "123");
  fs::create_hard_link(root_ + "/a", root_ + "/b");
  fs::create_symlink("/etc", root_ + "/out");

  const auto tree = scan_tree(root_);

  ASSERT_TRUE(tree.ok());
  EXPECT_EQ(tree->entries[2].same_file_as, 1u);
  EXPECT_EQ(tree->entries[3].type, FileType::Symlink);
  EXPECT_EQ(tree->entries[3].target, "/etc");
  EXPECT_EQ(tree->entries.size(), 4u);
  EXPECT_EQ(tree->total_bytes, 3u);
}

TEST_F(Trees, AreReadToTheDepthThatMayBePublished) {
  std::string deep = root_;
  for (std::size_t level = 1; level < kTreeDepthMax; ++level) deep += "/d";
  fs::create_directories(deep + "/d");
  EXPECT_TRUE(scan_tree(root_).ok());

  std::ofstream(deep + "/d/f") << "x";
  EXPECT_EQ(scan_tree(root_).code(), Code::Malformed);
}

TEST_F(Trees, WithAFifoAreRefusedByItsPath) {
  fs::create_directory(root_ + "/d");
  ASSERT_EQ(::mkfifo((root_ + "/d/pipe").c_str(), 0600), 0);

  const auto tree = scan_tree(root_);

  EXPECT_EQ(tree.code(), Code::Unsupported);
  EXPECT_NE(tree.status().message().find("d/pipe"), std::string::npos);
}

TEST_F(Trees, WithANameThatIsNotUtf8AreRefused) {
  write("\xff", "");

  EXPECT_EQ(scan_tree(root_).code(), Code::IllegalName);
}

TEST_F(Trees, ThatAreFilesOrNothingAreRefused) {
  write("a", "");

  EXPECT_EQ(scan_tree(root_ + "/a").code(), Code::NotADirectory);
  EXPECT_EQ(scan_tree(root_ + "/b").code(), Code::NotFound);
}

TEST_F(Trees, AreNeverLeftThroughASymlinkThatCameLater) {
  fs::create_directory(root_ + "/d");
  write("d/a", "inside");
  const auto tree = scan_tree(root_);
  ASSERT_TRUE(tree.ok());
  fs::rename(root_ + "/d", root_ + "/e");
  fs::create_directory_symlink("/etc", root_ + "/d");

  EXPECT_FALSE(open_in_tree(*tree, tree->entries[2]).ok());
}

class SparseFiles : public Trees {};

TEST_F(SparseFiles, LeaveOutBlocksOfZerosAndSumThem) {
  std::string bytes(1 << 20, '\0');
  bytes[500'000] = 'x';
  const File file(::open((root_ + "/s").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  SparseWriter writer(file.fd(), Zeros::LeaveOut);

  ASSERT_TRUE(writer.append(bytes_of(bytes)).ok());
  ASSERT_TRUE(writer.append(bytes_of(std::string(5000, '\0'))).ok());
  const auto digest = writer.finish();

  bytes.append(5000, '\0');
  ASSERT_TRUE(digest.ok());
  EXPECT_EQ(*digest, hash_of(bytes_of(bytes)).digest);
  EXPECT_EQ(*read_all(file.fd(), 2 << 20), bytes);
  struct stat info {};
  ASSERT_EQ(::fstat(file.fd(), &info), 0);
  EXPECT_LE(info.st_blocks * 512, 64 * 1024);
}

}  // namespace
}  // namespace modelfs
