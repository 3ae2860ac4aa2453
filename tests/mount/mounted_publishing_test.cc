// mount/SEMANTICS.md, "Publishing": what a rename onto a version does.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>

#include "mount/mounted.h"

namespace modelfs {
namespace {

class Publishing : public Mounted {
 protected:
  int move(const std::string& draft, const std::string& version, unsigned flags = 0) const {
    return error(rename_with(stage(draft), at(version), flags));
  }
};

TEST_F(Publishing, RenameOntoAVersionCommits) {
  make_draft("x", {{"weights", "abc"}, {"sub/", ""}, {"sub/config", "{}"}});

  ASSERT_EQ(move("x", "1.0"), 0);

  EXPECT_EQ(read_file(at("1.0/weights")), "abc");
  EXPECT_EQ(read_file(at("1.0/sub/config")), "{}");
  EXPECT_FALSE(exists(stage("x")));
  EXPECT_EQ(link_target(at("latest")), "1.0");
}

TEST_F(Publishing, RenameNoReplaceCommitsToo) {
  make_draft("x", {{"weights", "abc"}});

  EXPECT_EQ(move("x", "1.0", RENAME_NOREPLACE), 0);
}

TEST_F(Publishing, PackagesAre128DirectoriesDeepAtMost) {
  const auto make_deep = [&](const std::string& draft, int depth) {
    std::string path = stage(draft);
    make_directory(path);
    for (int i = 1; i < depth; ++i) make_directory(path += "/d");
    write_file(path + "/f", "x");
  };
  make_deep("most", 128);
  make_deep("more", 129);

  EXPECT_EQ(move("most", "1.0"), 0);
  EXPECT_EQ(move("more", "1.1"), EBADMSG);

  EXPECT_NE(text_attribute(stage("more"), "user.modelfs.error").find("deeper than 128"), std::string::npos);
  EXPECT_EQ(run("tar -xOf '" + at("1.0.tar") + "' --wildcards '*/f'").output, "x") << "it can be given out";
}

TEST_F(Publishing, AVersionIsPublishedOnce) {
  publish("1.0", {{"weights", "abc"}});
  make_draft("x", {{"weights", "other"}});

  EXPECT_EQ(move("x", "1.0"), EEXIST);
  EXPECT_EQ(move("x", "1.0", RENAME_NOREPLACE), EEXIST);
  EXPECT_EQ(read_file(at("1.0/weights")), "abc");
  EXPECT_EQ(read_file(stage("x/weights")), "other");
}

TEST_F(Publishing, ALabelsNameIsTaken) {
  publish("1.0", {{"weights", "abc"}});
  ASSERT_EQ(error(::symlink("1.0", at("prod").c_str())), 0);
  make_draft("x", {{"weights", "other"}});

  EXPECT_EQ(move("x", "prod", RENAME_NOREPLACE), EEXIST);
  EXPECT_EQ(move("x", "prod"), ENOTDIR) << "the kernel's own: a directory replaces no symlink";
  EXPECT_EQ(link_target(at("prod")), "1.0");
}

TEST_F(Publishing, AnEmptyInPlaceDraftGivesWay) {
  make_draft("x", {{"weights", "abc"}});
  make_directory(at("1.0"));

  EXPECT_EQ(move("x", "1.0", RENAME_NOREPLACE), EEXIST);
  EXPECT_EQ(move("x", "1.0"), 0);
}

TEST_F(Publishing, AFullInPlaceDraftDoesNot) {
  make_draft("x", {{"weights", "abc"}});
  make_directory(at("1.0"));
  write_file(at("1.0/own"), "mine");

  EXPECT_EQ(move("x", "1.0"), ENOTEMPTY);
  EXPECT_EQ(read_file(at("1.0/own")), "mine");
  EXPECT_EQ(read_file(stage("x/weights")), "abc");
}

TEST_F(Publishing, BadTargetsAreNeverEinvalOrExdev) {
  publish("1.0", {{"weights", "abc"}, {"sub/", ""}});
  make_draft("x", {{"weights", "other"}});
  const std::vector<std::string> targets = {"latest",
                                            "next",
                                            "versions",
                                            "versions/x",
                                            "domains",
                                            "modelstore",
                                            "1.1.tar.gz",
                                            "1.1.json",
                                            "1.1.zip",
                                            "bad\x01name",
                                            "bad\xff",
                                            std::string(241, 'v'),
                                            "1.0",
                                            "1.0/x",
                                            "1.0/sub/x",
                                            "1.0/7",
                                            "1.0/0",
                                            "1.0/latest",
                                            "../no-domain",
                                            "../.modelfs/x",
                                            "../.modelfs/trash/x",
                                            "../.modelfs/trash/" + domain_name() + "/x",
                                            "../.modelfs/status.json/x"};

  for (const std::string& target : targets) {
    const int refused = move("x", target);
    EXPECT_NE(refused, 0) << target;
    EXPECT_NE(refused, EINVAL) << target;
    EXPECT_NE(refused, EXDEV) << target;
  }
  EXPECT_EQ(read_file(stage("x/weights")), "other");
}

TEST_F(Publishing, NothingIsMovedIntoARelease) {
  publish("1.0", {{"weights", "abc"}, {"sub/", ""}});
  make_draft("x", {{"weights", "other"}});

  EXPECT_EQ(move("x", "1.0/x"), EEXIST) << "mv without -T does so where the version exists";
  EXPECT_EQ(move("x", "1.0/sub/x"), EROFS);
  EXPECT_EQ(move("x/weights", "1.0/more"), EROFS);
}

TEST_F(Publishing, AReleaseKeepsItsName) {
  publish("1.0", {{"weights", "abc"}, {"sub/", ""}});

  EXPECT_EQ(error(::rename(at("1.0").c_str(), at("1.1").c_str())), EROFS);
  EXPECT_EQ(error(::rename(at("1.0/weights").c_str(), at("1.0/other").c_str())), EROFS);
  EXPECT_EQ(error(::rename(at("1.0/weights").c_str(), stage("weights").c_str())), EROFS);
}

TEST_F(Publishing, AFileCannotBeARelease) {
  write_file(stage("file"), "abc");

  ASSERT_EQ(move("file", "1.0"), 0) << "it stays a draft";
  EXPECT_FALSE(exists(at("latest")));
  EXPECT_EQ(read_file(at("1.0")), "abc");
}

TEST_F(Publishing, SetxattrCommitsAnInPlaceDraft) {
  make_directory(at("1.0"));
  write_file(at("1.0/weights"), "abc");
  EXPECT_EQ(permissions(stat_of(at("1.0"))), 0700u);

  ASSERT_TRUE(set_attribute(at("1.0"), "user.modelfs.commit", "1"));

  EXPECT_EQ(permissions(stat_of(at("1.0"))), 0755u);
  EXPECT_EQ(read_file(at("1.0/weights")), "abc");
  EXPECT_EQ(link_target(at("latest")), "1.0");
  EXPECT_EQ(text_attribute(at("1.0"), "user.modelfs.name"), "1.0");
}

TEST_F(Publishing, SetxattrOnAStagedDraftIsEinval) {
  make_draft("x", {{"weights", "abc"}});

  EXPECT_FALSE(set_attribute(stage("x"), "user.modelfs.commit", "1"));
  EXPECT_EQ(errno, EINVAL);
}

TEST_F(Publishing, SetxattrOnAFileIsEnotdirAndSaysWhy) {
  write_file(at("1.0"), "gguf");
  make_draft("x", {{"weights", "abc"}});

  for (const std::string& file : {at("1.0"), stage("x/weights")}) {
    EXPECT_FALSE(set_attribute(file, "user.modelfs.commit", "1"));
    EXPECT_EQ(errno, ENOTDIR) << file;
    EXPECT_NE(text_attribute(file, "user.modelfs.error").find("a release is a directory"), std::string::npos);
  }
  EXPECT_EQ(read_file(at("1.0")), "gguf");
}

TEST_F(Publishing, SetxattrOnAReleaseIsEexist) {
  publish("1.0", {{"weights", "abc"}});

  EXPECT_FALSE(set_attribute(at("1.0"), "user.modelfs.commit", "1"));
  EXPECT_EQ(errno, EEXIST);
}

TEST_F(Publishing, CopyingAloneNeverPublishes) {
  make_directory(at("1.0"));
  write_file(at("1.0/weights"), "abc");
  ASSERT_EQ(error(::chmod(at("1.0").c_str(), 0555)), 0);

  EXPECT_FALSE(exists(at("latest")));
  EXPECT_FALSE(exists(at("1.0.json")));
}

TEST_F(Publishing, AnEmptyDirectoryIsARelease) {
  make_draft("x", {});

  ASSERT_EQ(move("x", "1.0"), 0);

  EXPECT_EQ(names_in(at("1.0")), std::vector<std::string>());
  EXPECT_EQ(permissions(stat_of(at("1.0"))), 0755u);
}

TEST_F(Publishing, OneOfManyWins) {
  constexpr int kWriters = 6;
  std::vector<std::unique_ptr<Holder>> writers;
  for (int i = 0; i < kWriters; ++i) make_draft("x" + std::to_string(i), {{"weights", std::to_string(i)}});

  int winners = 0;
  for (int i = 0; i < kWriters; ++i) {
    writers.push_back(std::make_unique<Holder>([&, i] { return move("x" + std::to_string(i), "1.0") == 0; }));
  }
  for (const auto& writer : writers) winners += writer->holds() ? 1 : 0;

  EXPECT_EQ(winners, 1);
  EXPECT_EQ(names_in(at(".stage")).size(), static_cast<std::size_t>(kWriters - 1));
}

TEST_F(Publishing, SymlinksThatLeaveAreEbadmsgAndTheDraftStays) {
  for (const char* target : {"/etc/passwd", "../outside", "sub/../../outside", "up/../outside"}) {
    make_draft("x", {{"weights", "abc"}, {"sub/", ""}});
    ASSERT_EQ(error(::symlink("sub/..", stage("x/up").c_str())), 0);
    ASSERT_EQ(error(::symlink(target, stage("x/leaves").c_str())), 0);
    EXPECT_EQ(move("x", "1.0"), EBADMSG) << target;
    EXPECT_NE(text_attribute(stage("x"), "user.modelfs.error").find("leaves"), std::string::npos);
    EXPECT_EQ(link_target(stage("x/leaves")), target);
    ASSERT_EQ(run("rm -r '" + stage("x") + "'").exit_code, 0);
  }
}

TEST_F(Publishing, SymlinksThatStayAreKept) {
  make_draft("x", {{"weights", "abc"}, {"sub/", ""}});
  ASSERT_EQ(error(::symlink("../weights", stage("x/sub/link").c_str())), 0);
  ASSERT_EQ(error(::symlink("nowhere", stage("x/dangling").c_str())), 0);

  ASSERT_EQ(move("x", "1.0"), 0);

  EXPECT_EQ(link_target(at("1.0/sub/link")), "../weights");
  EXPECT_EQ(read_file(at("1.0/sub/link")), "abc");
  EXPECT_EQ(link_target(at("1.0/dangling")), "nowhere");
}

TEST_F(Publishing, HolesEmptyFilesAndEmptyDirectoriesAreKept) {
  make_draft("x", {{"empty", ""}, {"nothing/", ""}});
  {
    const File file = open_file(stage("x/sparse"), O_WRONLY | O_CREAT);
    ASSERT_EQ(::pwrite(file.fd(), "end", 3, 16 << 20), 3);
  }

  ASSERT_EQ(move("x", "1.0"), 0);

  EXPECT_EQ(stat_of(at("1.0/empty")).st_size, 0);
  EXPECT_TRUE(S_ISDIR(stat_of(at("1.0/nothing")).st_mode));
  EXPECT_EQ(stat_of(at("1.0/sparse")).st_size, (16 << 20) + 3);
  EXPECT_LT(stat_of(at("1.0/sparse")).st_blocks * 512, 1 << 20);
  const File file = open_file(at("1.0/sparse"), O_RDONLY);
  EXPECT_EQ(::lseek(file.fd(), 0, SEEK_DATA), 16 << 20);
  std::array<char, 3> end{};
  EXPECT_EQ(::pread(file.fd(), end.data(), 3, 16 << 20), 3);
  EXPECT_EQ(std::string(end.data(), 3), "end");
}

TEST_F(Publishing, HardLinksInsideStayOneFile) {
  make_draft("x", {{"a", pattern(100'000)}});
  ASSERT_EQ(error(::link(stage("x/a").c_str(), stage("x/b").c_str())), 0);

  ASSERT_EQ(move("x", "1.0"), 0);

  EXPECT_EQ(stat_of(at("1.0/a")).st_ino, stat_of(at("1.0/b")).st_ino);
  EXPECT_EQ(stat_of(at("1.0/a")).st_nlink, 2u);
}

TEST_F(Publishing, AHardLinkOutsideBecomesAFileOfItsOwn) {
  const std::string bytes = pattern(200'000);
  make_draft("x", {{"a", bytes}});
  ASSERT_EQ(error(::link(stage("x/a").c_str(), stage("outside").c_str())), 0);
  ASSERT_EQ(move("x", "1.0"), 0);

  const File file = open_file(stage("outside"), O_WRONLY);
  ASSERT_EQ(::pwrite(file.fd(), "changed", 7, 0), 7);

  EXPECT_EQ(read_file(at("1.0/a")), bytes);
  EXPECT_EQ(read_file(stage("outside")).substr(0, 7), "changed");
  EXPECT_NE(stat_of(at("1.0/a")).st_ino, stat_of(stage("outside")).st_ino);
}

TEST_F(Publishing, IdenticalContentMayHaveTwoNames) {
  const std::string bytes = pattern(300'000);
  publish("1.0", {{"weights", bytes}});
  publish("1.1", {{"weights", bytes}});

  EXPECT_EQ(read_file(at("1.1/weights")), bytes);
  EXPECT_EQ(text_attribute(at("1.0"), "user.modelfs.digest"), text_attribute(at("1.1"), "user.modelfs.digest"));
}

}  // namespace
}  // namespace modelfs
