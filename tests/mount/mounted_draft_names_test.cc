// mount/SEMANTICS.md, "Drafts": what names, links and attributes do.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>

#include "mount/mounted.h"

namespace modelfs {
namespace {

class DraftNames : public Mounted {
 protected:
  void SetUp() override {
    Mounted::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) make_directory(stage("d"));
  }
  std::string path(const std::string& name) const { return stage("d/" + name); }
  int rename(const std::string& from, const std::string& to, unsigned flags = 0) const {
    return error(rename_with(path(from), path(to), flags));
  }
};

TEST_F(DraftNames, FilesAreRenamedAndReplaced) {
  write_file(path("a"), "a");
  write_file(path("b"), "b");

  EXPECT_EQ(rename("a", "b"), 0);

  EXPECT_EQ(read_file(path("b")), "a");
  EXPECT_FALSE(exists(path("a")));
}

TEST_F(DraftNames, DirectoriesAreRenamedWithWhatIsInThem) {
  make_directory(path("a"));
  make_directory(path("a/sub"));
  write_file(path("a/sub/f"), "f");
  make_directory(path("elsewhere"));

  EXPECT_EQ(rename("a", "elsewhere/b"), 0);

  EXPECT_EQ(read_file(path("elsewhere/b/sub/f")), "f");
}

TEST_F(DraftNames, ADirectoryReplacesOnlyAnEmptyOne) {
  make_directory(path("a"));
  make_directory(path("empty"));
  make_directory(path("full"));
  write_file(path("full/f"), "f");

  EXPECT_EQ(rename("a", "full"), ENOTEMPTY);
  EXPECT_EQ(rename("a", "empty"), 0);
}

TEST_F(DraftNames, RenameNoReplaceRefusesATakenName) {
  write_file(path("a"), "a");
  write_file(path("b"), "b");

  EXPECT_EQ(rename("a", "b", RENAME_NOREPLACE), EEXIST);
  EXPECT_EQ(rename("a", "c", RENAME_NOREPLACE), 0);
}

TEST_F(DraftNames, RenameExchangeSwapsTwoNames) {
  write_file(path("a"), "a");
  make_directory(path("b"));

  EXPECT_EQ(rename("a", "b", RENAME_EXCHANGE), 0);

  EXPECT_TRUE(S_ISDIR(stat_of(path("a")).st_mode));
  EXPECT_EQ(read_file(path("b")), "a");
}

TEST_F(DraftNames, DirectoriesWithNamesInThemCannotBeRemoved) {
  make_directory(path("a"));
  write_file(path("a/f"), "f");

  EXPECT_EQ(error(::rmdir(path("a").c_str())), ENOTEMPTY);
  ASSERT_EQ(error(::unlink(path("a/f").c_str())), 0);
  EXPECT_EQ(error(::rmdir(path("a").c_str())), 0);
}

TEST_F(DraftNames, HardLinksAreOneFile) {
  write_file(path("a"), "one");

  ASSERT_EQ(error(::link(path("a").c_str(), path("b").c_str())), 0);

  EXPECT_EQ(stat_of(path("a")).st_nlink, 2u);
  EXPECT_EQ(stat_of(path("a")).st_ino, stat_of(path("b")).st_ino);
  write_file(path("b"), "two");
  EXPECT_EQ(read_file(path("a")), "two");
  ASSERT_EQ(error(::unlink(path("a").c_str())), 0);
  EXPECT_EQ(stat_of(path("b")).st_nlink, 1u);
}

TEST_F(DraftNames, SymlinksKeepAnyTarget) {
  for (const std::string target : {"a", "../../..", "/etc/passwd", "dangling/x"}) {
    ASSERT_EQ(error(::symlink(target.c_str(), path("s").c_str())), 0);
    EXPECT_EQ(link_target(path("s")), target);
    EXPECT_EQ(stat_of(path("s")).st_size, static_cast<off_t>(target.size()));
    ASSERT_EQ(error(::unlink(path("s").c_str())), 0);
  }
}

TEST_F(DraftNames, FifosDevicesAndSocketsAreRefused) {
  EXPECT_EQ(error(::mkfifo(path("fifo").c_str(), 0644)), EPERM);
  if (::getuid() == 0) {
    EXPECT_EQ(error(::mknod(path("null").c_str(), S_IFCHR | 0644, makedev(1, 3))), EPERM);
  }
  const File socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_EQ(error(::chdir(stage("d").c_str())), 0);  // the name has little room
  address.sun_path[0] = 's';
  EXPECT_EQ(error(::bind(socket.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address)), EPERM);
  ASSERT_EQ(error(::chdir("/")), 0);
}

TEST_F(DraftNames, RegularFilesCanBeMadeByMknod) {
  EXPECT_EQ(error(::mknod(path("f").c_str(), S_IFREG | 0640, 0)), 0);

  EXPECT_EQ(permissions(stat_of(path("f"))), 0640u);
}

TEST_F(DraftNames, TimesAreKeptToTheNanosecond) {
  write_file(path("f"), "f");
  const timespec times[2] = {{1'000'000'001, 123'456'789}, {1'000'000'002, 987'654'321}};

  ASSERT_EQ(error(::utimensat(AT_FDCWD, path("f").c_str(), times, 0)), 0);
  EXPECT_EQ(nanoseconds(stat_of(path("f")).st_atim), nanoseconds(times[0]));
  EXPECT_EQ(nanoseconds(stat_of(path("f")).st_mtim), nanoseconds(times[1]));

  ASSERT_EQ(error(::utimensat(AT_FDCWD, stage("d").c_str(), times, 0)), 0);
  EXPECT_EQ(nanoseconds(stat_of(stage("d")).st_mtim), nanoseconds(times[1]));
}

TEST_F(DraftNames, ATimeBeyond2262IsTheNearestOnAFileAndADirectory) {
  make_directory(path("d"));
  write_file(path("f"), "x");
  for (const std::string& name : {path("d"), path("f")}) {
    const timespec far[2] = {{253'402'300'799, 0}, {253'402'300'799, 0}};
    ASSERT_EQ(error(::utimensat(AT_FDCWD, name.c_str(), far, 0)), 0);
    EXPECT_GE(stat_of(name).st_mtim.tv_sec, 9'223'372'035) << name;
    const timespec past[2] = {{-62'135'596'800, 0}, {-62'135'596'800, 0}};
    ASSERT_EQ(error(::utimensat(AT_FDCWD, name.c_str(), past, 0)), 0);
    EXPECT_LT(stat_of(name).st_mtim.tv_sec, 0) << name;
  }
}

TEST_F(DraftNames, ATimeCanBeLeftOutWhenTimesAreSet) {
  write_file(path("f"), "f");
  const auto before = nanoseconds(stat_of(path("f")).st_mtim);
  const timespec times[2] = {{5, 0}, {0, UTIME_OMIT}};

  ASSERT_EQ(error(::utimensat(AT_FDCWD, path("f").c_str(), times, 0)), 0);

  EXPECT_EQ(stat_of(path("f")).st_atim.tv_sec, 5);
  EXPECT_EQ(nanoseconds(stat_of(path("f")).st_mtim), before);
}

TEST_F(DraftNames, ModesAreKept) {
  write_file(path("f"), "f");
  make_directory(path("sub"));

  for (const mode_t mode : {0000u, 0400u, 0755u, 0644u}) {
    ASSERT_EQ(error(::chmod(path("f").c_str(), mode)), 0);
    EXPECT_EQ(permissions(stat_of(path("f"))), mode);
  }
  ASSERT_EQ(error(::chmod(path("sub").c_str(), 01777)), 0);
  EXPECT_EQ(permissions(stat_of(path("sub"))), 01777u);
}

TEST_F(DraftNames, TheUmaskCountsForNewFiles) {
  ::umask(027);
  write_file(path("f"), "f", 0666);
  ::umask(022);

  EXPECT_EQ(permissions(stat_of(path("f"))), 0640u);
}

TEST_F(DraftNames, ANewNameMovesTheDirectorysTime) {
  const timespec past[2] = {{5, 0}, {5, 0}};
  ASSERT_EQ(error(::utimensat(AT_FDCWD, stage("d").c_str(), past, 0)), 0);

  write_file(path("f"), "f");

  EXPECT_GT(stat_of(stage("d")).st_mtim.tv_sec, 5);
}

class DraftAttributes : public DraftNames {};

TEST_F(DraftAttributes, AreSetReadListedAndRemoved) {
  write_file(path("f"), "f");

  ASSERT_TRUE(set_attribute(path("f"), "user.a", "one"));
  ASSERT_TRUE(set_attribute(path("f"), "user.empty", ""));
  EXPECT_EQ(text_attribute(path("f"), "user.a"), "one");
  EXPECT_EQ(text_attribute(path("f"), "user.empty"), "");
  std::string names(100, '\0');
  const ssize_t got = ::listxattr(path("f").c_str(), names.data(), names.size());
  ASSERT_GE(got, 0);
  EXPECT_EQ(names.substr(0, static_cast<std::size_t>(got)), std::string("user.a\0user.empty\0", 18));
  ASSERT_EQ(error(::removexattr(path("f").c_str(), "user.a")), 0);
  EXPECT_EQ(error(::getxattr(path("f").c_str(), "user.a", nullptr, 0)), ENODATA);
}

TEST_F(DraftAttributes, StayWithFilesAndDirectoriesThatArePublished) {
  make_draft("x", {{"f", "abc"}, {"sub/", ""}, {"plain", ""}});
  ASSERT_TRUE(set_attribute(stage("x"), "user.origin", "here"));
  ASSERT_TRUE(set_attribute(stage("x/f"), "user.licence", "mit"));
  ASSERT_TRUE(set_attribute(stage("x/f"), "user.empty", ""));
  ASSERT_TRUE(set_attribute(stage("x/sub"), "user.sub", "s"));

  ASSERT_EQ(error(::rename(stage("x").c_str(), at("1.0").c_str())), 0);

  EXPECT_EQ(text_attribute(at("1.0"), "user.origin"), "here");
  EXPECT_EQ(text_attribute(at("1.0/f"), "user.licence"), "mit");
  EXPECT_EQ(text_attribute(at("1.0/sub"), "user.sub"), "s");
  std::array<char, 100> names{};
  ASSERT_EQ(::listxattr(at("1.0/f").c_str(), names.data(), names.size()), 24);
  EXPECT_EQ(std::string(names.data(), 24), std::string("user.empty\0user.licence\0", 24));
  EXPECT_EQ(::listxattr(at("1.0/plain").c_str(), names.data(), names.size()), 0);
  EXPECT_EQ(error(::setxattr(at("1.0/f").c_str(), "user.licence", "x", 1, 0)), EROFS);
  EXPECT_EQ(error(::removexattr(at("1.0/f").c_str(), "user.licence")), EROFS);
  ASSERT_EQ(run("cp -a '" + at("1.0") + "' '" + stage("copy") + "'").exit_code, 0);
  EXPECT_EQ(text_attribute(stage("copy/f"), "user.licence"), "mit") << "a copy has them too";
  const std::string digest = text_attribute(at("1.0"), "user.modelfs.digest");
  ASSERT_TRUE(set_attribute(stage("copy/f"), "user.licence", "other"));
  ASSERT_EQ(error(::rename(stage("copy").c_str(), at("1.1").c_str())), 0);
  EXPECT_EQ(text_attribute(at("1.1"), "user.modelfs.digest"), digest) << "they are no content";
  EXPECT_EQ(modelfs("verify '" + domain() + "'").exit_code, 0);
}

TEST_F(DraftAttributes, HonourCreateAndReplace) {
  write_file(path("f"), "f");

  EXPECT_EQ(error(::setxattr(path("f").c_str(), "user.a", "1", 1, XATTR_REPLACE)), ENODATA);
  EXPECT_EQ(error(::setxattr(path("f").c_str(), "user.a", "1", 1, XATTR_CREATE)), 0);
  EXPECT_EQ(error(::setxattr(path("f").c_str(), "user.a", "2", 1, XATTR_CREATE)), EEXIST);
}

TEST_F(DraftAttributes, HaveAtMost65536Bytes) {
  make_directory(path("sub"));

  EXPECT_TRUE(set_attribute(path("sub"), "user.a", pattern(65536)));
  EXPECT_EQ(text_attribute(path("sub"), "user.a"), pattern(65536));
  EXPECT_FALSE(set_attribute(path("sub"), "user.b", pattern(65537)));
  EXPECT_EQ(errno, E2BIG);
}

TEST_F(DraftAttributes, SayWhenTheRoomIsTooSmall) {
  write_file(path("f"), "f");
  ASSERT_TRUE(set_attribute(path("f"), "user.a", "12345"));
  char room[3];

  EXPECT_EQ(::getxattr(path("f").c_str(), "user.a", nullptr, 0), 5);
  EXPECT_EQ(error(::getxattr(path("f").c_str(), "user.a", room, sizeof room)), ERANGE);
}

TEST_F(DraftAttributes, OtherNamespacesAreNotSupported) {
  if (::getuid() != 0) GTEST_SKIP() << "only root may set trusted.*";
  write_file(path("f"), "f");

  EXPECT_EQ(error(::setxattr(path("f").c_str(), "trusted.a", "1", 1, 0)), EOPNOTSUPP);
}

TEST_F(DraftAttributes, TheMountsOwnCannotBeSet) {
  write_file(path("f"), "f");

  EXPECT_EQ(error(::setxattr(path("f").c_str(), "user.modelfs.name", "1", 1, 0)), EPERM);
}

}  // namespace
}  // namespace modelfs
