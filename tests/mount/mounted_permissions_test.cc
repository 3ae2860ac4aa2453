// mount/SEMANTICS.md, "Permissions": several users of one mount; and a mount for reading only.
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>

#include "mount/mounted.h"

namespace modelfs {
namespace {

constexpr uid_t kNobody = 65534;
constexpr uid_t kSomebody = 12345;

class Permissions : public Mounted {
 protected:
  static void SetUpTestSuite() { start_suite("allow_other"); }
  void SetUp() override {
    if (::getuid() != 0) GTEST_SKIP() << "only root can be several users";
    Mounted::SetUp();
  }
  // The errno of what `body` does as another user, or 0.
  static int as(uid_t user, const std::function<int()>& body) { return as_user(user, body); }
  static int open_error(const std::string& path, int flags) { return error(::open(path.c_str(), flags, 0644)); }
};

TEST_F(Permissions, ADomainsModeSaysWhoMayRead) {
  publish("1.0", {{"weights", "abc"}});
  EXPECT_EQ(as(kNobody, [&] { return open_error(at("1.0/weights"), O_RDONLY); }), 0);

  ASSERT_EQ(error(::chmod(domain().c_str(), 0700)), 0);

  EXPECT_EQ(as(kNobody, [&] { return open_error(at("1.0/weights"), O_RDONLY); }), EACCES);
  EXPECT_EQ(as(kNobody, [&] { return open_error(domain(), O_RDONLY | O_DIRECTORY); }), EACCES);
}

TEST_F(Permissions, ADomainsModeSaysWhoMayPublish) {
  make_draft("x", {{"weights", "abc"}});
  ASSERT_EQ(error(::chown(stage("x").c_str(), kNobody, kNobody)), 0);
  const auto publish_it = [&] { return error(::rename(stage("x").c_str(), at("1.0").c_str())); };
  EXPECT_EQ(as(kNobody, publish_it), EACCES);

  ASSERT_EQ(error(::chmod(domain().c_str(), 0777)), 0);

  EXPECT_EQ(as(kNobody, publish_it), 0);
  EXPECT_EQ(stat_of(at("1.0")).st_uid, 0u) << "the domain's owner";
}

using OtherUsers = Permissions;

TEST_F(OtherUsers, UseCommandsAsTheyUseTheMount) {
  ASSERT_EQ(error(::chmod(domain().c_str(), 0777)), 0);
  const TemporaryDirectory files;
  ASSERT_EQ(error(::chmod(files.path().c_str(), 0755)), 0);
  make_directory(files.path() + "/model");
  write_file(files.path() + "/model/weights", std::string(200'000, 'w'));
  const auto command = [](const std::string& arguments) {
    return as(kNobody, [&] { return modelfs(arguments).exit_code; });
  };

  EXPECT_EQ(command("put " + files.path() + "/model " + at("1.0")), 0);
  EXPECT_EQ(command("ls " + mount().point()), 0);
  EXPECT_EQ(command("label " + at("prod") + " 1.0"), 0);
  EXPECT_EQ(command("state " + at("1.0") + " --set production"), 0);
  EXPECT_NE(modelfs("log " + domain()).output.find("nobody"), std::string::npos);
  EXPECT_EQ(stat_of(mount().store()).st_mode & 07777, 0700u);
  EXPECT_EQ(command("gc " + mount().point()), 1) << "that is for the owner of the store";

  ASSERT_EQ(error(::chmod(domain().c_str(), 0755)), 0);
  EXPECT_EQ(command("label --remove " + at("prod")), 1);
}

TEST_F(Permissions, ALabelInAStickyDomainIsMovedByWhoSetIt) {
  publish("1.0", {{"weights", "abc"}});
  publish("1.1", {{"weights", "def"}});
  ASSERT_EQ(error(::chmod(domain().c_str(), 01777)), 0);
  const auto label = [&](const std::string& version) {
    return run("ln -sfn " + version + " '" + at("prod") + "'").exit_code == 0 ? 0 : 1;
  };
  const std::vector<std::string> names = {"1.0", "1.1", "latest", "prod"};

  EXPECT_EQ(as(kNobody, [&] { return label("1.0"); }), 0);
  EXPECT_EQ(as(kNobody, [&] { return label("1.1"); }), 0);
  EXPECT_EQ(link_target(at("prod")), "1.1");
  EXPECT_EQ(names_in(domain()), names) << "no temporary label is left";
  EXPECT_EQ(stat_of(at("prod")).st_uid, kNobody);
  EXPECT_NE(as(kSomebody, [&] { return label("1.0"); }), 0);
  EXPECT_EQ(as(kSomebody, [&] { return error(::unlink(at("prod").c_str())); }), EPERM);
  EXPECT_EQ(link_target(at("prod")), "1.1");
  EXPECT_EQ(names_in(domain()), names);
  EXPECT_EQ(label("1.0"), 0) << "the domain's owner may";
}

TEST_F(Permissions, FacesAndTrashFollowTheDomain) {
  publish("1.0", {{"weights", "abc"}});
  publish("1.1", {{"weights", "def"}});
  ASSERT_EQ(error(::rename(at("1.0").c_str(), trash("1.0").c_str())), 0);
  ASSERT_EQ(error(::chmod(domain().c_str(), 0750)), 0);

  EXPECT_EQ(permissions(stat_of(at("1.1.json"))), 0440u);
  EXPECT_EQ(permissions(stat_of(trash(""))), 0750u);
  EXPECT_EQ(permissions(stat_of(trash("1.0"))), 0750u);
  EXPECT_EQ(as(kNobody, [&] { return open_error(trash("1.0/weights"), O_RDONLY); }), EACCES);
}

TEST_F(Permissions, ADomainsNewModeHoldsAtOnce) {
  publish("1.0", {{"weights", "abc"}, {"sub/", ""}});
  EXPECT_EQ(permissions(stat_of(at("1.0/sub"))), 0755u);

  ASSERT_EQ(error(::chmod(domain().c_str(), 0710)), 0);

  EXPECT_EQ(permissions(stat_of(at("1.0"))), 0710u);
  EXPECT_EQ(permissions(stat_of(at("1.0/sub"))), 0710u);
}

TEST_F(Permissions, OnlyTheOwnerChangesADomain) {
  ASSERT_EQ(error(::chmod(domain().c_str(), 0777)), 0);

  EXPECT_EQ(as(kNobody, [&] { return error(::chmod(domain().c_str(), 0755)); }), EPERM);
}

TEST_F(Permissions, OthersInPlaceDraftsAreClosedAndUnlisted) {
  ASSERT_EQ(error(::chmod(domain().c_str(), 0777)), 0);
  ASSERT_EQ(as(kSomebody, [&] { return error(::mkdir(at("1.0").c_str(), 0755)); }), 0);
  ASSERT_EQ(as(kSomebody, [&] { return open_error(at("1.0/f"), O_WRONLY | O_CREAT); }), 0);
  const auto lists = [&] {
    const auto names = names_in(domain());
    return std::find(names.begin(), names.end(), "1.0") != names.end() ? 1 : 0;
  };

  EXPECT_EQ(as(kSomebody, lists), 1);
  EXPECT_EQ(as(kNobody, lists), 0);
  EXPECT_EQ(as(kNobody, [&] { return open_error(at("1.0/f"), O_RDONLY); }), EACCES);
  EXPECT_EQ(as(kNobody, [&] { return open_error(at("1.0"), O_RDONLY); }), EACCES);
}

TEST_F(Permissions, DraftsHaveTheirOwnOwnersAndModes) {
  ASSERT_EQ(error(::chmod(domain().c_str(), 0777)), 0);
  ASSERT_EQ(as(kSomebody, [&] { return error(::mkdir(stage("mine").c_str(), 0700)); }), 0);

  EXPECT_EQ(stat_of(stage("mine")).st_uid, kSomebody);
  EXPECT_EQ(as(kNobody, [&] { return open_error(stage("mine/f"), O_WRONLY | O_CREAT); }), EACCES);
  EXPECT_EQ(as(kSomebody, [&] { return open_error(stage("mine/f"), O_WRONLY | O_CREAT); }), 0);
}

TEST_F(Permissions, WritingToAReleaseAsAnotherIsEacces) {
  publish("1.0", {{"weights", "abc"}});

  EXPECT_EQ(as(kNobody, [&] { return open_error(at("1.0/weights"), O_WRONLY); }), EACCES);
  EXPECT_EQ(as(kNobody, [&] { return error(::unlink(at("1.0/weights").c_str())); }), EACCES);
}

TEST_F(Permissions, StatusAndEventsAreClosedToOthers) {
  EXPECT_EQ(as(kNobody, [&] { return open_error(mount().point() + "/.modelfs/status.json", O_RDONLY); }), EACCES);
  EXPECT_EQ(as(kNobody, [&] { return open_error(mount().point() + "/.modelfs/events", O_RDONLY); }), EACCES);
}

TEST_F(Permissions, WhoMayReadADomainReadsEveryFileOfItsReleases) {
  make_draft("x", {{"weights", "abc"}, {"run", "#!/bin/sh"}, {"none", "def"}});
  ASSERT_EQ(error(::chmod(stage("x/weights").c_str(), 0600)), 0);  // as mkstemp(3) and safetensors make them
  ASSERT_EQ(error(::chmod(stage("x/run").c_str(), 0711)), 0);
  ASSERT_EQ(error(::chmod(stage("x/none").c_str(), 0)), 0);

  ASSERT_EQ(error(::rename(stage("x").c_str(), at("1.0").c_str())), 0);

  EXPECT_EQ(permissions(stat_of(at("1.0/weights"))), 0444u);
  EXPECT_EQ(permissions(stat_of(at("1.0/run"))), 0555u);
  EXPECT_EQ(permissions(stat_of(at("1.0/none"))), 0444u);
  EXPECT_EQ(as(kNobody, [&] { return open_error(at("1.0/weights"), O_RDONLY); }), 0);

  ASSERT_EQ(error(::chmod(domain().c_str(), 0750)), 0);

  EXPECT_EQ(permissions(stat_of(at("1.0/weights"))), 0440u);
  EXPECT_EQ(permissions(stat_of(at("1.0/run"))), 0551u);
}

TEST_F(Permissions, APlainFileInADomainHasTheOwnerAndModeThatItsMakerGaveIt) {
  ASSERT_EQ(error(::chmod(domain().c_str(), 0777)), 0);
  ASSERT_EQ(as(kSomebody, [&] { return open_error(at("config.pbtxt"), O_WRONLY | O_CREAT); }), 0);
  ASSERT_EQ(as(kSomebody, [&] { return error(::chmod(at("config.pbtxt").c_str(), 0644)); }), 0);

  EXPECT_EQ(permissions(stat_of(at("config.pbtxt"))), 0644u);
  EXPECT_EQ(stat_of(at("config.pbtxt")).st_uid, kSomebody);
  EXPECT_EQ(as(kNobody, [&] { return open_error(at("config.pbtxt"), O_RDONLY); }), 0);
  EXPECT_EQ(as(kNobody, [&] { return open_error(at("config.pbtxt"), O_WRONLY); }), EACCES);
  EXPECT_EQ(as(kNobody, [&] { return names_in(domain()) == std::vector<std::string>{"config.pbtxt"} ? 0 : 1; }), 0);

  ASSERT_EQ(as(kSomebody, [&] { return error(::chmod(at("config.pbtxt").c_str(), 0600)); }), 0);

  EXPECT_EQ(as(kNobody, [&] { return open_error(at("config.pbtxt"), O_RDONLY); }), EACCES);
}

// A store that was filled, and is mounted again.
class Alone : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = why_no_mount(); !why.empty()) GTEST_SKIP() << why;
    mount_ = std::make_unique<Mount>();
    ASSERT_EQ(mount_->start(), "");
    make_directory(at(""));
    make_directory(at(".stage/x"));
    write_file(at(".stage/x/weights"), "abc");
    ASSERT_EQ(error(::rename(at(".stage/x").c_str(), at("1.0").c_str())), 0);
    make_directory(at(".stage/left"));
    write_file(at(".stage/left/f"), "draft");
  }
  std::string at(const std::string& path) const { return mount_->point() + "/churn/" + path; }

  std::unique_ptr<Mount> mount_;
};

class ReadOnly : public Alone {
 protected:
  void SetUp() override {
    Alone::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(mount_->stop(), "");
    ASSERT_EQ(mount_->start("ro"), "");
  }
};

TEST_F(ReadOnly, ReadsWhatIsThere) {
  EXPECT_EQ(read_file(at("latest/weights")), "abc");
  EXPECT_NE(read_file(at("latest.json")), "");
  EXPECT_EQ(read_file(at(".stage/left/f")), "draft");
}

TEST_F(ReadOnly, ChangesNothing) {
  EXPECT_EQ(error(::mkdir((mount_->point() + "/other").c_str(), 0755)), EROFS);
  EXPECT_EQ(error(::open(at(".stage/left/f").c_str(), O_WRONLY)), EROFS);
  EXPECT_EQ(error(::rename(at(".stage/left").c_str(), at("1.1").c_str())), EROFS);
  EXPECT_EQ(error(::symlink("1.0", at("prod").c_str())), EROFS);
  EXPECT_EQ(error(::rename(at("1.0").c_str(), (mount_->point() + "/.modelfs/trash/churn/1.0").c_str())), EROFS);
  EXPECT_FALSE(set_attribute(at(".stage/left"), "user.a", "1"));
  EXPECT_EQ(errno, EROFS);
}

TEST_F(ReadOnly, RefusesCommandsThatChange) {
  const std::string source = at(".stage/left");
  // By the mount's path, and by the store's, which leads to the daemon as well.
  for (const std::string& domain : {at(""), "--store " + mount_->store() + " churn/"}) {
    for (const std::string& arguments :
         {"put " + source + " " + domain + "3.0", "commit " + domain + ".stage/left", "label " + domain + "prod 1.0",
          "label --remove " + domain + "prod", "state --set production " + domain + "1.0", "rm " + domain + "1.0",
          "restore " + domain + "0.9"}) {
      const Outcome outcome = modelfs(arguments);
      EXPECT_EQ(outcome.exit_code, 1) << arguments << ": " << outcome.output;
      EXPECT_NE(outcome.output.find("mounted read-only (`-o ro`)"), std::string::npos) << arguments << outcome.output;
    }
  }
  const Outcome gc = modelfs("gc " + mount_->point());
  EXPECT_EQ(gc.exit_code, 1) << gc.output;
}

TEST_F(ReadOnly, AnswersCommandsThatRead) {
  for (const std::string& arguments : {"ls " + at(""), "show " + at("1.0"), "log " + at(""), "label " + at(""),
                                       "state " + at(""), "status " + mount_->point(), "verify " + mount_->point(),
                                       "get " + at("1.0") + " " + mount_->store() + "/../out"}) {
    const Outcome outcome = modelfs(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << arguments << ": " << outcome.output;
  }
}

class ReadOnlyBind : public Alone {};

TEST_F(ReadOnlyBind, IsReadOnlyForCommands) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const TemporaryDirectory bound;
  ASSERT_EQ(run("mount -o bind,ro '" + mount_->point() + "/churn' '" + bound.path() + "'").exit_code, 0);

  const Outcome refused = modelfs("rm " + bound.path() + "/1.0");
  const Outcome read = modelfs("ls " + bound.path());
  ::umount2(bound.path().c_str(), MNT_DETACH);

  EXPECT_EQ(refused.exit_code, 1) << refused.output;
  EXPECT_NE(refused.output.find("mounted read-only (`-o ro`)"), std::string::npos) << refused.output;
  EXPECT_EQ(read.exit_code, 0) << read.output;
  EXPECT_EQ(modelfs("rm " + at("1.0")).exit_code, 0);
}

}  // namespace
}  // namespace modelfs
