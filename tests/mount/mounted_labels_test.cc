// mount/SEMANTICS.md, "Labels and latest" and "Removal".
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>

#include "mount/mounted.h"

namespace modelfs {
namespace {

class Labels : public Mounted {
 protected:
  void SetUp() override {
    Mounted::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    publish("1.0", {{"weights", "one"}});
    publish("1.1", {{"weights", "two"}});
  }
  int label(const std::string& name, const std::string& target) const {
    return error(::symlink(target.c_str(), at(name).c_str()));
  }
};

TEST_F(Labels, ASymlinkInADomainIsALabel) {
  ASSERT_EQ(label("prod", "1.0"), 0);

  EXPECT_EQ(link_target(at("prod")), "1.0");
  EXPECT_EQ(read_file(at("prod/weights")), "one");
}

TEST_F(Labels, LnMovesALabelAtomically) {
  ASSERT_EQ(run("ln -sfn 1.0 '" + at("prod") + "'").exit_code, 0);
  EXPECT_EQ(read_file(at("prod/weights")), "one");

  const Outcome moved = run("ln -sfn 1.1 '" + at("prod") + "'");

  EXPECT_EQ(moved.exit_code, 0) << moved.output;
  EXPECT_EQ(link_target(at("prod")), "1.1");
  EXPECT_EQ(read_file(at("prod/weights")), "two");
  EXPECT_EQ(names_in(domain()), (std::vector<std::string>{"1.0", "1.1", "latest", "prod"}));
}

TEST_F(Labels, HistoryHasNoTemporaryNameOfLn) {
  for (const char* version : {"1.0", "1.1", "1.1"})
    ASSERT_EQ(run("ln -sfn " + std::string(version) + " '" + at("prod") + "'").exit_code, 0);

  const std::string log = modelfs("log " + at("prod")).output;

  EXPECT_NE(log.find("set_label prod: 1.0 -> 1.1"), std::string::npos) << log;
  EXPECT_NE(log.find("set_label prod: 1.0\n"), std::string::npos) << log;
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 3) << log;
  EXPECT_EQ(modelfs("log " + domain()).output.find(" Cu"), std::string::npos);
}

TEST_F(Labels, ALabelThatMovesNeverMisses) {
  ASSERT_EQ(label("prod", "1.0"), 0);
  const auto look = [&] {
    for (int i = 0; i < 300; ++i) {
      const int fd = ::open(at("prod/weights").c_str(), O_RDONLY);
      if (fd < 0) return 1;
      ::close(fd);
    }
    return 0;
  };
  const Holder mover([&] {
    // Its child moves on while the other looks, and ends with it.
    if (::fork() == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) (void)run("ln -sfn 1.1 '" + at("prod") + "'; ln -sfn 1.0 '" + at("prod") + "'");
    }
    return true;
  });

  EXPECT_EQ(look(), 0);
}

TEST_F(Labels, RmRemovesALabelAndNothingElse) {
  ASSERT_EQ(label("prod", "1.0"), 0);

  ASSERT_EQ(error(::unlink(at("prod").c_str())), 0);

  EXPECT_FALSE(exists(at("prod")));
  EXPECT_EQ(read_file(at("1.0/weights")), "one");
}

TEST_F(Labels, ALabelCanBeRenamed) {
  ASSERT_EQ(label("prod", "1.0"), 0);

  ASSERT_EQ(error(::rename(at("prod").c_str(), at("stable").c_str())), 0);

  EXPECT_EQ(link_target(at("stable")), "1.0");
  EXPECT_FALSE(exists(at("prod")));
}

TEST_F(Labels, ALabelNamesOneLiveVersionOfItsDomain) {
  for (const char* target : {"9.9", "latest", "1.0/", "./1.0", "../Labels/1.0", "/etc", ""}) {
    const int refused = label("prod", target);
    EXPECT_TRUE(refused == EINVAL || (*target == 0 && refused == ENOENT)) << target << ": " << refused;
  }
  EXPECT_FALSE(exists(at("prod")));
}

TEST_F(Labels, ALabelDoesNotReadAsAVersion) {
  EXPECT_EQ(label("2.0", "1.0"), EINVAL);
  EXPECT_EQ(label("v2", "1.0"), EINVAL);
}

TEST_F(Labels, AVersionsNameIsTaken) { EXPECT_EQ(label("1.1", "1.0"), EEXIST); }

TEST_F(Labels, LatestIsTheNewestReleaseAndCannotBeSet) {
  EXPECT_EQ(link_target(at("latest")), "1.1");
  EXPECT_EQ(label("latest", "1.0"), EEXIST);
  EXPECT_EQ(error(::unlink(at("latest").c_str())), EROFS);
  publish("0.9", {{"weights", "three"}});
  EXPECT_EQ(link_target(at("latest")), "0.9") << "the last one that was published, whatever its name";
}

TEST_F(Labels, LatestIsSeenByOthersAtOnce) {
  const auto latest = [&] {
    return in_child([&] {
      std::array<char, 64> target{};
      return ::readlink(at("latest").c_str(), target.data(), target.size()) > 0 ? target[2] : 0;
    });
  };
  ASSERT_EQ(latest(), '1');

  publish("1.2", {{"weights", "three"}});

  EXPECT_EQ(latest(), '2');
}

class Removal : public Labels {
 protected:
  int remove(const std::string& version) const { return error(::rename(at(version).c_str(), trash(version).c_str())); }
};

TEST_F(Removal, RenameIntoTheTrashRemoves) {
  ASSERT_EQ(remove("1.1"), 0);

  EXPECT_FALSE(exists(at("1.1")));
  EXPECT_FALSE(exists(at("1.1.json")));
  EXPECT_EQ(link_target(at("latest")), "1.0");
  EXPECT_EQ(read_file(trash("1.1/weights")), "two");
}

TEST_F(Removal, MvDoesItAndUndoesIt) {
  EXPECT_EQ(run("mv '" + at("1.1") + "' '" + trash("") + "'").output, "");
  ASSERT_FALSE(exists(at("1.1")));

  EXPECT_EQ(run("mv '" + trash("1.1") + "' '" + domain() + "/'").output, "");

  EXPECT_EQ(read_file(at("1.1/weights")), "two");
  EXPECT_EQ(link_target(at("latest")), "1.1");
}

TEST_F(Removal, ANameComesBackOnlyAsItself) {
  ASSERT_EQ(remove("1.1"), 0);

  EXPECT_EQ(error(::rename(trash("1.1").c_str(), at("2.0").c_str())), EPERM);
  make_draft("x", {{"weights", "different"}});
  EXPECT_EQ(error(::rename(stage("x").c_str(), at("1.1").c_str())), EEXIST);
  make_draft("y", {{"weights", "two"}});
  EXPECT_EQ(error(::rename(stage("y").c_str(), at("1.1").c_str())), 0);
}

TEST_F(Removal, RmdirOfAReleaseIsEnotempty) {
  EXPECT_EQ(error(::rmdir(at("1.0").c_str())), ENOTEMPTY);
  publish("empty", {});
  EXPECT_EQ(error(::rmdir(at("empty").c_str())), ENOTEMPTY);
}

TEST_F(Removal, RmLosesNothing) {
  const Outcome outcome = run("rm -rf '" + at("1.0") + "'");

  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_EQ(read_file(at("1.0/weights")), "one");
  EXPECT_NE(run("find '" + at("1.0") + "' -delete").exit_code, 0);
  EXPECT_EQ(read_file(at("1.0/weights")), "one");
}

TEST_F(Removal, ALabelledReleaseIsEbusy) {
  ASSERT_EQ(label("prod", "1.0"), 0);

  EXPECT_EQ(remove("1.0"), EBUSY);
  ASSERT_EQ(error(::unlink(at("prod").c_str())), 0);
  EXPECT_EQ(remove("1.0"), 0);
}

TEST_F(Removal, OnlyWholeReleasesAreRemoved) {
  EXPECT_EQ(error(::rename(at("1.0/weights").c_str(), trash("weights").c_str())), EROFS);
  make_draft("x", {{"weights", "three"}});
  EXPECT_EQ(error(::rename(stage("x").c_str(), trash("x").c_str())), EPERM);
}

TEST_F(Removal, WhatIsOpenGoesOn) {
  const File file = open_file(at("1.1/weights"), O_RDONLY);
  const File directory = open_file(at("1.1"), O_RDONLY | O_DIRECTORY);
  void* const memory = ::mmap(nullptr, 3, PROT_READ, MAP_SHARED, file.fd(), 0);
  ASSERT_NE(memory, MAP_FAILED);

  ASSERT_EQ(remove("1.1"), 0);

  std::array<char, 3> bytes{};
  ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
  EXPECT_EQ(::pread(file.fd(), bytes.data(), 3, 0), 3);
  EXPECT_EQ(std::string(bytes.data(), 3), "two");
  EXPECT_EQ(std::string(static_cast<const char*>(memory), 3), "two");
  EXPECT_EQ(names_in("/proc/self/fd/" + std::to_string(directory.fd())), (std::vector<std::string>{"weights"}));
  const File again(::openat(directory.fd(), "weights", O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(again.valid());
  ::munmap(memory, 3);
}

TEST_F(Removal, TheTrashOfADomainIsAlwaysThere) {
  EXPECT_EQ(names_in(trash("")), std::vector<std::string>());
  EXPECT_EQ(permissions(stat_of(trash(""))), 0755u);
}

}  // namespace
}  // namespace modelfs
