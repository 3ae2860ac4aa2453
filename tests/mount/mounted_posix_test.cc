// mount/SEMANTICS.md, "Drafts": the calls of POSIX in a draft, each with every error that it has there.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "mount/mounted.h"

namespace modelfs {
namespace {

constexpr uid_t kNobody = 65534;

class Posix : public Mounted {
 protected:
  static void SetUpTestSuite() { start_suite("allow_other"); }
  void SetUp() override {
    if (::getuid() != 0) GTEST_SKIP() << "only root can be several users";
    Mounted::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    make_draft("x", {{"file", "abc"}, {"other", "def"}, {"directory/", ""}, {"empty/", ""}, {"directory/inside", "i"}});
    ASSERT_EQ(error(::symlink("loop", path("loop").c_str())), 0);
    ASSERT_EQ(error(::symlink("file", path("link").c_str())), 0);
  }
  std::string path(const std::string& name) const { return stage("x/" + name); }
  static int as_nobody(const std::function<int()>& body) { return as_user(kNobody, body); }
};

// A call that names a path, and what it answers where that name is the object of the call.
struct Call {
  std::string name;
  std::function<int(const std::string&)> on;
  bool makes = false;  // the name must not be there
};

std::vector<Call> calls(const std::string& file, const std::string& fresh) {
  const auto opened = [](const std::string& at, int flags) {
    const int fd = ::open(at.c_str(), flags | O_CLOEXEC, 0644);
    if (fd < 0) return errno;
    ::close(fd);
    return 0;
  };
  struct stat info {};
  const timespec times[2] = {{1, 0}, {1, 0}};
  return {
      {"access", [](const auto& at) { return error(::access(at.c_str(), F_OK)); }},
      {"chmod", [](const auto& at) { return error(::chmod(at.c_str(), 0700)); }},
      {"chown", [](const auto& at) { return error(::chown(at.c_str(), 0, 0)); }},
      {"lchown", [](const auto& at) { return error(::lchown(at.c_str(), 0, 0)); }},
      {"link to", [file](const auto& at) { return error(::link(file.c_str(), at.c_str())); }, true},
      {"link from", [fresh](const auto& at) { return error(::link(at.c_str(), fresh.c_str())); }},
      {"lstat", [info](const auto& at) mutable { return error(::lstat(at.c_str(), &info)); }},
      {"mkdir", [](const auto& at) { return error(::mkdir(at.c_str(), 0755)); }, true},
      {"mknod", [](const auto& at) { return error(::mknod(at.c_str(), S_IFREG | 0644, 0)); }, true},
      {"open", [opened](const auto& at) { return opened(at, O_RDONLY); }},
      {"open O_CREAT", [opened](const auto& at) { return opened(at, O_WRONLY | O_CREAT | O_EXCL); }, true},
      {"rename to",
       [file](const auto& at) {
         return error(::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, at.c_str(), RENAME_NOREPLACE));
       },
       true},
      {"rename from", [fresh](const auto& at) { return error(::rename(at.c_str(), fresh.c_str())); }},
      {"rmdir", [](const auto& at) { return error(::rmdir(at.c_str())); }},
      {"stat", [info](const auto& at) mutable { return error(::stat(at.c_str(), &info)); }},
      {"symlink", [](const auto& at) { return error(::symlink("target", at.c_str())); }, true},
      {"truncate", [](const auto& at) { return error(::truncate(at.c_str(), 1)); }},
      {"unlink", [](const auto& at) { return error(::unlink(at.c_str())); }},
      {"utimensat", [times](const auto& at) { return error(::utimensat(AT_FDCWD, at.c_str(), times, 0)); }},
  };
}

TEST_F(Posix, ANameOfMoreThan255BytesIsEnametoolongForEveryCall) {
  const std::string longest(255, 'n');
  for (const Call& call : calls(path("file"), path("fresh"))) {
    EXPECT_EQ(call.on(path(longest + "n")), ENAMETOOLONG) << call.name;
    EXPECT_EQ(call.on(path(longest + "n/below")), ENAMETOOLONG) << call.name;
  }
  write_file(path(longest), "at the limit");
  EXPECT_EQ(read_file(path(longest)), "at the limit");
}

TEST_F(Posix, APathThatIsTooLongAsAWholeIsEnametoolongForEveryCall) {
  std::string whole = path("directory");
  while (whole.size() < 4096) whole += "/.";
  for (const Call& call : calls(path("file"), path("fresh"))) EXPECT_EQ(call.on(whole), ENAMETOOLONG) << call.name;
}

TEST_F(Posix, ANameThatIsNotThereIsEnoentForEveryCall) {
  for (const Call& call : calls(path("file"), path("fresh"))) {
    if (!call.makes) {
      EXPECT_EQ(call.on(path("nothing")), ENOENT) << call.name;
    }
    EXPECT_EQ(call.on(path("nothing/below")), ENOENT) << call.name;
  }
}

TEST_F(Posix, ANameThatIsThereIsEexistForEveryCallThatMakesOne) {
  for (const Call& call : calls(path("file"), path("fresh"))) {
    if (!call.makes) continue;
    for (const char* there : {"other", "directory", "link", "loop"}) {
      EXPECT_EQ(call.on(path(there)), EEXIST) << call.name << " " << there;
    }
  }
}

TEST_F(Posix, AFileInTheMiddleOfAPathIsEnotdirForEveryCall) {
  for (const Call& call : calls(path("other"), path("fresh"))) {
    EXPECT_EQ(call.on(path("file/below")), ENOTDIR) << call.name;
  }
}

TEST_F(Posix, ASymlinkToItselfInAPathIsEloopForEveryCall) {
  for (const Call& call : calls(path("file"), path("fresh"))) {
    EXPECT_EQ(call.on(path("loop/below")), ELOOP) << call.name;
  }
}

TEST_F(Posix, ADirectoryThatMayNotBeSearchedIsEaccesForEveryCall) {
  ASSERT_EQ(error(::chmod(path("directory").c_str(), 0700)), 0);
  for (const Call& call : calls(path("file"), path("fresh"))) {
    EXPECT_EQ(as_nobody([&] { return call.on(path("directory/inside")); }), EACCES) << call.name;
  }
}

TEST_F(Posix, WhatIsNotOnesOwnIsEpermOrEacces) {
  // Searchable, not writable, and root's.
  const timespec times[2] = {{1, 0}, {1, 0}};
  EXPECT_EQ(as_nobody([&] { return error(::chmod(path("file").c_str(), 0777)); }), EPERM);
  EXPECT_EQ(as_nobody([&] { return error(::chown(path("file").c_str(), kNobody, kNobody)); }), EPERM);
  EXPECT_EQ(as_nobody([&] { return error(::utimensat(AT_FDCWD, path("file").c_str(), times, 0)); }), EPERM);
  EXPECT_EQ(as_nobody([&] { return error(::utimensat(AT_FDCWD, path("file").c_str(), nullptr, 0)); }), EACCES);
  EXPECT_EQ(as_nobody([&] { return error(::truncate(path("file").c_str(), 0)); }), EACCES);
  EXPECT_EQ(as_nobody([&] { return error(::open(path("file").c_str(), O_WRONLY)); }), EACCES);
  EXPECT_EQ(as_nobody([&] { return error(::unlink(path("file").c_str())); }), EACCES);
  EXPECT_EQ(as_nobody([&] { return error(::rmdir(path("empty").c_str())); }), EACCES);
  EXPECT_EQ(as_nobody([&] { return error(::mkdir(path("fresh").c_str(), 0755)); }), EACCES);
  EXPECT_EQ(as_nobody([&] { return error(::symlink("a", path("fresh").c_str())); }), EACCES);
  EXPECT_EQ(as_nobody([&] { return error(::rename(path("file").c_str(), path("fresh").c_str())); }), EACCES);
}

TEST_F(Posix, AStickyDirectoryKeepsTheNamesOfOthers) {
  ASSERT_EQ(error(::chmod(path("directory").c_str(), 01777)), 0);
  ASSERT_EQ(error(::chmod(path("").c_str(), 0777)), 0);
  EXPECT_EQ(as_nobody([&] { return error(::unlink(path("directory/inside").c_str())); }), EPERM);
  EXPECT_EQ(as_nobody([&] { return error(::rename(path("directory/inside").c_str(), path("fresh").c_str())); }), EPERM);
  EXPECT_EQ(as_nobody([&] {
              const std::string own = path("directory/own");
              if (const int made = error(::mkdir(own.c_str(), 0755)); made != 0) return made;
              return error(::rmdir(own.c_str()));
            }),
            0);
}

TEST_F(Posix, DirectoriesAndFilesAreToldApart) {
  EXPECT_EQ(error(::rmdir(path("file").c_str())), ENOTDIR);
  EXPECT_EQ(error(::rmdir(path("link").c_str())), ENOTDIR);
  EXPECT_EQ(error(::unlink(path("empty").c_str())), EISDIR);
  EXPECT_EQ(error(::rmdir(path("directory").c_str())), ENOTEMPTY);
  EXPECT_EQ(error(::rmdir(path("empty/.").c_str())), EINVAL);
  EXPECT_EQ(error(::rename(path("directory").c_str(), path("file").c_str())), ENOTDIR);
  EXPECT_EQ(error(::rename(path("file").c_str(), path("empty").c_str())), EISDIR);
  EXPECT_EQ(error(::rename(path("empty").c_str(), path("directory").c_str())), ENOTEMPTY);
  EXPECT_EQ(error(::rename(path("directory").c_str(), path("directory/inside2").c_str())), EINVAL);
  EXPECT_EQ(error(::rename(path("directory").c_str(), path("empty").c_str())), 0);
  EXPECT_EQ(error(::open(path("empty").c_str(), O_WRONLY)), EISDIR);
  EXPECT_EQ(error(::open(path("file").c_str(), O_RDONLY | O_DIRECTORY)), ENOTDIR);
  EXPECT_EQ(error(::open(path("link").c_str(), O_RDONLY | O_NOFOLLOW)), ELOOP);
  EXPECT_EQ(error(::link(path("empty").c_str(), path("fresh").c_str())), EPERM);
  EXPECT_EQ(error(::truncate(path("empty").c_str(), 0)), EISDIR);
  EXPECT_EQ(error(::truncate(path("file").c_str(), -1)), EINVAL);
}

TEST_F(Posix, WhatSomebodyElseWritesTakesTheSetIdBitsAway) {
  ASSERT_EQ(error(::chmod(path("").c_str(), 0777)), 0);
  const auto write_as_nobody = [&](const std::string& file, mode_t mode) {
    EXPECT_EQ(error(::chmod(file.c_str(), mode)), 0);
    EXPECT_EQ(as_nobody([&] {
                const File opened(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
                return opened.valid() && ::write(opened.fd(), "x", 1) == 1 ? 0 : 1;
              }),
              0);
    return permissions(stat_of(file));
  };
  EXPECT_EQ(write_as_nobody(path("file"), 04777), 0777u);
  EXPECT_EQ(write_as_nobody(path("file"), 06777), 0777u);
  EXPECT_EQ(write_as_nobody(path("file"), 02766), 02766u) << "without x for the group it is no set-group-ID bit";
  // Also through a descriptor that was opened before.
  const File held = open_file(path("other"), O_WRONLY);
  ASSERT_EQ(error(::chmod(path("other").c_str(), 0777)), 0);
  EXPECT_EQ(as_nobody([&] { return ::write(held.fd(), "x", 1) == 1 ? 0 : 1; }), 0);
  ASSERT_EQ(error(::chmod(path("other").c_str(), 04777)), 0);
  EXPECT_EQ(as_nobody([&] { return ::write(held.fd(), "x", 1) == 1 ? 0 : 1; }), 0);
  EXPECT_EQ(permissions(stat_of(path("other"))), 0777u);
  // Root may set them, so they stay.
  ASSERT_EQ(error(::chmod(path("file").c_str(), 04755)), 0);
  const File file = open_file(path("file"), O_WRONLY);
  ASSERT_EQ(::write(file.fd(), "y", 1), 1);
  EXPECT_EQ(permissions(stat_of(path("file"))), 04755u);
}

TEST_F(Posix, AChangeOfOwnerOrSizeTakesTheSetIdBitsAway) {
  ASSERT_EQ(error(::chown(path("file").c_str(), kNobody, kNobody)), 0);
  ASSERT_EQ(error(::chmod(path("file").c_str(), 06777)), 0);
  EXPECT_EQ(as_nobody([&] { return error(::chown(path("file").c_str(), kNobody, kNobody)); }), 0);
  EXPECT_EQ(permissions(stat_of(path("file"))), 0777u);

  ASSERT_EQ(error(::chmod(path("other").c_str(), 04777)), 0);
  EXPECT_EQ(as_nobody([&] { return error(::truncate(path("other").c_str(), 1)); }), 0);
  EXPECT_EQ(permissions(stat_of(path("other"))), 0777u);
}

// What of POSIX there is not in a draft, and why.
struct Exclusion {
  std::string what;
  std::string why;
  std::function<int(const std::string&)> call;
  int answer;
};

TEST_F(Posix, WhatIsExcludedIsRefusedByName) {
  const std::vector<Exclusion> exclusions = {
      {"fifos", "a package has bytes, and a fifo has none",
       [](const auto& at) { return error(::mkfifo(at.c_str(), 0644)); }, EPERM},
      {"devices", "a model that opens a device is an attack",
       [](const auto& at) { return error(::mknod(at.c_str(), S_IFCHR | 0644, 0x103)); }, EPERM},
      {"sockets", "as fifos", [](const auto& at) { return error(::mknod(at.c_str(), S_IFSOCK | 0644, 0)); }, EPERM},
      {"names that are not UTF-8", "other hosts could not show them",
       [](const auto& at) { return error(::mkdir((at + "\xff").c_str(), 0755)); }, EILSEQ},
  };
  for (const Exclusion& each : exclusions) {
    EXPECT_EQ(each.call(path("fresh")), each.answer) << each.what << ": " << each.why;
  }
  EXPECT_EQ(names_in(path("")).size(), 6u) << "nothing is left behind";
}

}  // namespace
}  // namespace modelfs
