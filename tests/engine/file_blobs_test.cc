// What is the plain files' own about their BlobStore.
#include "engine/rocksdb/file_blobs.h"

#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "rocksdb_store.h"

namespace modelfs {
namespace {

class FileBlobsTest : public testing::Test {
 protected:
  FileBlobsTest() { reopen(); }

  void reopen() {
    const File store(::dup(store_.fd()));
    auto opened = FileBlobs::open(store);
    ASSERT_TRUE(opened.ok()) << opened.status().str();
    blobs_ = *std::move(opened);
  }
  Status adopt(const std::string& bytes) {
    drafts_.write("draft", bytes);
    return blobs_->adopt(hash_of(bytes_of(bytes)).digest, drafts_.fd(), "draft");
  }
  std::string path_of(const Digest& digest) {
    return store_ / ("blobs/" + digest.hex().substr(0, 2) + "/" + digest.hex());
  }

  ScratchDirectory store_;
  ScratchDirectory drafts_;
  std::unique_ptr<FileBlobs> blobs_;
  const Digest digest_ = hash_of(bytes_of("bytes")).digest;
};

TEST_F(FileBlobsTest, ABlobIsAReadOnlyFileUnderItsDigestAndTheSameInode) {
  ASSERT_TRUE(adopt("bytes").ok());

  struct stat blob {};
  struct stat draft {};
  ASSERT_EQ(::lstat(path_of(digest_).c_str(), &blob), 0);
  ASSERT_EQ(::fstatat(drafts_.fd(), "draft", &draft, 0), 0);
  EXPECT_EQ(blob.st_mode, static_cast<mode_t>(S_IFREG | 0400));
  EXPECT_EQ(blob.st_ino, draft.st_ino);
}

TEST_F(FileBlobsTest, ADamagedOneIsMendedForWhoHasItOpen) {
  ASSERT_TRUE(adopt("wrong").ok());
  ASSERT_EQ(::rename(path_of(hash_of(bytes_of("wrong")).digest).c_str(), path_of(digest_).c_str()), 0);
  ASSERT_EQ(::unlinkat(drafts_.fd(), "draft", 0), 0);
  const auto reader = blobs_->open(digest_);
  ASSERT_TRUE(reader.ok());

  ASSERT_TRUE(adopt("bytes").ok());

  std::string text(5, '?');
  ASSERT_TRUE((*reader)->read_at(0, std::as_writable_bytes(std::span(text))).ok());
  EXPECT_EQ(text, "bytes");
}

TEST_F(FileBlobsTest, ADamagedOneThatIsADraftAsWellStaysThatDraft) {
  ASSERT_TRUE(adopt("bytes").ok());
  drafts_.write("other", "bytes");
  // As after the kill of a commit.
  ASSERT_EQ(::fchmodat(drafts_.fd(), "draft", 0600, 0), 0);
  std::ofstream(drafts_ / "draft", std::ios::binary) << "goes on";

  ASSERT_TRUE(blobs_->adopt(digest_, drafts_.fd(), "other").ok());

  std::ifstream draft(drafts_ / "draft");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(draft), {}), "goes on");
  std::ifstream blob(path_of(digest_));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(blob), {}), "bytes");
}

TEST_F(FileBlobsTest, BlobsSurviveReopening) {
  ASSERT_TRUE(adopt("bytes").ok());
  ASSERT_TRUE(blobs_->sync({digest_}).ok());

  reopen();

  EXPECT_TRUE(blobs_->open(digest_).ok());
}

TEST_F(FileBlobsTest, WhatIsNoPlainFileIsCorrupt) {
  const std::string path = path_of(digest_);
  ASSERT_EQ(::symlink("/etc/passwd", path.c_str()), 0);
  EXPECT_EQ(blobs_->open(digest_).code(), Code::Corrupt);
  ASSERT_EQ(::unlink(path.c_str()), 0);

  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(blobs_->open(digest_).code(), Code::Corrupt);
  ASSERT_EQ(::unlink(path.c_str()), 0);

  ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
  EXPECT_EQ(blobs_->open(digest_).code(), Code::Corrupt);
}

TEST_F(FileBlobsTest, WhatIsNoBlobIsNotVisited) {
  store_.write("blobs/ab/note", "x");
  store_.write("blobs/ab/" + std::string(64, 'c'), "in another's directory");
  ASSERT_EQ(::mkdir((store_ / ("blobs/dd/" + std::string(64, 'd'))).c_str(), 0700), 0);
  int visits = 0;

  EXPECT_TRUE(blobs_->for_each([&visits](const Digest&, std::uint64_t, TimeNs) { return ++visits > 0; }).ok());

  EXPECT_EQ(visits, 0);
}

TEST_F(FileBlobsTest, AdoptionLeavesNoOtherName) {
  ASSERT_TRUE(adopt("bytes").ok());
  ASSERT_TRUE(adopt("bytes").ok());

  int entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(store_ / "blobs"))
    entries += entry.is_directory() ? 1 : 1000;
  EXPECT_EQ(entries, 256);
}

TEST_F(FileBlobsTest, WhatAnInterruptedAdoptionLeftIsRemovedAtOpening) {
  store_.write("blobs/adopting-7", "left over");

  reopen();

  EXPECT_FALSE(std::filesystem::exists(store_ / "blobs/adopting-7"));
}

TEST_F(FileBlobsTest, AFileOfAnotherFileSystemIsCopied) {
  struct stat here {};
  struct stat there {};
  ASSERT_EQ(::fstat(store_.fd(), &here), 0);
  if (::stat("/dev/shm", &there) != 0 || here.st_dev == there.st_dev)
    GTEST_SKIP() << "/dev/shm is no other file system";
  const std::string path = "/dev/shm/modelfs-test-" + std::to_string(::getpid());
  const std::string bytes(2'500'000, 'x');
  std::ofstream(path, std::ios::binary) << bytes;
  const Digest digest = hash_of(bytes_of(bytes)).digest;

  const Status first = blobs_->adopt(digest, AT_FDCWD, path);
  const Status second = blobs_->adopt(digest, AT_FDCWD, path);
  ::unlink(path.c_str());

  ASSERT_TRUE(first.ok()) << first.str();
  ASSERT_TRUE(second.ok()) << second.str();
  const auto reader = blobs_->open(digest);
  ASSERT_TRUE(reader.ok());
  std::string read(bytes.size() + 1, '?');
  const auto got = (*reader)->read_at(0, std::as_writable_bytes(std::span(read)));
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(read.substr(0, *got), bytes);
}

TEST_F(FileBlobsTest, NothingOfTheStoreIsReachedByPath) {
  ASSERT_TRUE(adopt("bytes").ok());
  const ScratchDirectory elsewhere;
  std::filesystem::rename(store_ / "blobs", elsewhere / "blobs");

  EXPECT_TRUE(blobs_->open(digest_).ok());
  EXPECT_TRUE(blobs_->sync({digest_}).ok());
  EXPECT_TRUE(blobs_->remove(digest_).ok());
}

}  // namespace
}  // namespace modelfs
