#include "drafts/host_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "support/temporary_directory.h"

namespace modelfs {
namespace {

constexpr Ino kIno{0x1234};

class HostFilesTest : public testing::Test {
 protected:
  std::string path(const std::string& name) { return directory_.path() + "/" + name; }
  std::string read(const std::string& name) {
    std::ifstream file(path(name));
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  void create(std::string_view bytes) {
    const auto file = hosts_.create(kIno);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(write_at(file->fd(), 0, bytes_of(bytes)).ok());
  }
  // As a commit that failed leaves it: a blob's file, too.
  void link_as_blob() {
    ASSERT_EQ(::link(path(HostFiles::name_of(kIno)).c_str(), path("blob").c_str()), 0);
    ASSERT_EQ(::chmod(path("blob").c_str(), 0400), 0);
  }

  TemporaryDirectory directory_;
  HostFiles hosts_{directory_.fd()};
};

TEST_F(HostFilesTest, LieInAFolderNamedByTheLastByteOfTheirNumber) {
  EXPECT_EQ(HostFiles::name_of(kIno), "34/1234");
  create("bytes");
  EXPECT_EQ(read("34/1234"), "bytes");
  EXPECT_EQ(hosts_.stat(kIno)->st_size, 5);
}

TEST_F(HostFilesTest, AreMadeOnce) {
  create("bytes");
  EXPECT_EQ(hosts_.create(kIno).status().host_errno(), EEXIST);
}

TEST_F(HostFilesTest, ThatTakeAnothersPlaceLeaveABlobAlone) {
  create("bytes");
  link_as_blob();
  ASSERT_TRUE(hosts_.replace(kIno).ok());
  EXPECT_EQ(read("blob"), "bytes");
  EXPECT_EQ(read("34/1234"), "");
}

TEST_F(HostFilesTest, ThatAreABlobsAreCopiedBeforeTheyChange) {
  create("bytes");
  ASSERT_TRUE(hosts_.unshare(kIno).ok());
  const auto alone = *hosts_.stat(kIno);
  link_as_blob();

  ASSERT_TRUE(hosts_.unshare(kIno).ok());

  const auto own = *hosts_.stat(kIno);
  EXPECT_NE(own.st_ino, alone.st_ino);
  EXPECT_EQ(own.st_nlink, 1u);
  EXPECT_EQ(own.st_mtim.tv_sec, alone.st_mtim.tv_sec);
  EXPECT_EQ(own.st_mtim.tv_nsec, alone.st_mtim.tv_nsec);
  const auto file = hosts_.open(kIno, true);
  ASSERT_TRUE(write_at(file->fd(), 0, bytes_of("B")).ok());
  EXPECT_EQ(read("34/1234"), "Bytes");
  EXPECT_EQ(read("blob"), "bytes");
}

TEST_F(HostFilesTest, AreListedWithWhatACopyThatNeverEndedLeft) {
  create("bytes");
  std::ofstream(path("34/77.own")) << "half";
  std::ofstream(path("34/no number")) << "something else";
  std::vector<std::string> names;
  ASSERT_TRUE(hosts_
                  .for_each([&](const HostFiles::Found& found) {
                    names.push_back(found.name);
                    EXPECT_EQ(found.ino.has_value(), found.name == "34/1234");
                    EXPECT_TRUE(found.ino || hosts_.remove_left(found));
                  })
                  .ok());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"34/1234", "34/77.own"}));
  EXPECT_FALSE(std::filesystem::exists(path("34/77.own")));

  hosts_.remove({kIno, Ino{1}});
  EXPECT_EQ(hosts_.stat(kIno).status().host_errno(), ENOENT);
}

}  // namespace
}  // namespace modelfs
