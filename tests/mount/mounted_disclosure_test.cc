// mount/SEMANTICS.md, "Permissions": nobody publishes what he may not read, whichever way he tries.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "mount/mounted.h"

namespace modelfs {
namespace {

constexpr uid_t kOwner = 12345;
constexpr uid_t kThief = 12346;
constexpr const char* kSecret = "{\"secret\": \"SECRET\"}";

// A domain that everybody may write to, and one of the thief's own.
class Disclosure : public Mounted {
 protected:
  static void SetUpTestSuite() { start_suite("allow_other"); }
  void SetUp() override {
    if (::getuid() != 0) GTEST_SKIP() << "only root can be several users";
    Mounted::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(error(::chmod(domain().c_str(), 0777)), 0);
    own_ = mount().point() + "/" + domain_name() + "-own";
    make_directory(own_);
    ASSERT_EQ(error(::chown(own_.c_str(), kThief, kThief)), 0);
  }
  static int as(uid_t user, const std::function<int()>& body) {
    return as_user(user, [&] {
      ::umask(0);
      return body();
    });
  }
  // The exit code of a line of shell.
  static int shell_as(uid_t user, const std::string& line) {
    return as(user, [&] { return run(line).exit_code == 0 ? 0 : 1; });
  }
  std::string own(const std::string& path) const { return own_ + "/" + path; }
  // All that the thief can read of a domain.
  static std::string readable(const std::string& directory) {
    const std::string file = testing::TempDir() + "/modelfs-disclosure-" + std::to_string(::getpid());
    File out = open_file(file, O_RDWR | O_CREAT | O_TRUNC, 0666);
    as(kThief, [&] {
      const Outcome all = run("find '" + directory + "' -type f -exec cat {} + 2>&1; cat '" + directory + "'/*.json '" +
                              directory + "'/*.tar.gz 2>&1");
      return ::write(out.fd(), all.output.data(), all.output.size()) < 0 ? 1 : 0;
    });
    std::string text = read_file(file);
    (void)::unlink(file.c_str());
    return text;
  }

  std::string own_;
};

// How somebody may get a secret of another user into what is his.
struct Kind {
  const char* name;
  // What its owner does; $S is the stage of the shared domain, $D that domain.
  const char* make;
  // What the thief does to have it in his draft $O/.stage/x; empty where the secret is the draft.
  const char* take;
};
struct Way {
  const char* name;
  const char* publish;  // of $O/.stage/x
};

constexpr Kind kKinds[] = {
    {"a private file", "umask 77; echo \"$SECRET\" > $S/private",
     "ln $S/private $O/.stage/x/f || mv $S/private $O/.stage/x/f"},
    {"a file in a closed directory", "mkdir -m 700 $S/closed; echo \"$SECRET\" > $S/closed/f",
     "mv $S/closed $O/.stage/x/"},
    {"an in-place draft", "mkdir $D/inpl; echo \"$SECRET\" > $D/inpl/f", "mv $D/inpl $O/.stage/x/"},
    {"a refused upload", "echo \"$SECRET\" > $D/bad.tar.gz", "mv $U/bad.tar.gz $O/.stage/x/f"},
    {"a metadata document", "echo \"$SECRET\" > $D/7.json", "mv $D/7.json $O/.stage/x/f"},
};
constexpr Way kWays[] = {
    {"rename", "mv -T $O/.stage/x $O/1.0"},
    {"a command", "$MODELFS commit $O/.stage/x $O/1.0"},
    {"an attribute",
     "mkdir $O/y && mv $O/.stage/x/* $O/y && setfattr -n user.modelfs.commit -v 1 $O/y && rmdir $O/.stage/x"},
    {"a generation", "mkdir $O/.stage/e; mv -T $O/.stage/e $O/0.9; mv -T $O/.stage/x $O/0.9/next"},
};

TEST_F(Disclosure, NoWayOfPublishingGivesAwayWhatItsPublisherCannotRead) {
  for (const Kind& kind : kKinds) {
    for (const Way& way : kWays) {
      SCOPED_TRACE(std::string(kind.name) + " by " + way.name);
      const std::string names = "export SECRET='" + std::string(kSecret) + "' D='" + domain() + "' S='" + stage("") +
                                "' O='" + own_ + "' U='" + mount().point() + "/.modelfs/drafts/" + domain_name() +
                                "' MODELFS='" + program_path() + "'; ";
      shell_as(kOwner, names + kind.make);
      shell_as(kThief, names + "rm -rf $O/.stage/x; mkdir $O/.stage/x");

      shell_as(kThief, names + kind.take);
      // Even if it lies in his draft already, put there by somebody who might.
      ASSERT_EQ(run(names + "umask 77; echo \"$SECRET\" > $O/.stage/x/moved; chown " + std::to_string(kOwner) +
                    " $O/.stage/x/moved; chmod 600 $O/.stage/x/moved")
                    .exit_code,
                0);
      shell_as(kThief, names + way.publish);

      EXPECT_EQ(readable(own_).find("SECRET"), std::string::npos);
      EXPECT_EQ(readable(domain()).find("SECRET"), std::string::npos);
      EXPECT_FALSE(exists(own("1.0"))) << "nothing of it is published";
      run(names + "rm -rf $O/.stage/* $O/y $D/inpl $D/7.json $S/* $U/*");
    }
  }
}

TEST_F(Disclosure, EveryWayPublishesWhatItsPublisherCanRead) {
  for (const Way& way : kWays) {
    SCOPED_TRACE(way.name);
    const std::string names = "export O='" + own_ + "' MODELFS='" + program_path() + "'; ";
    ASSERT_EQ(shell_as(kThief, names + "mkdir $O/.stage/x; echo fine > $O/.stage/x/f"), 0);
    ASSERT_EQ(run("echo theirs > '" + own(".stage/x/theirs") + "'").exit_code, 0);

    EXPECT_EQ(shell_as(kThief, names + way.publish), 0);

    EXPECT_NE(readable(own_).find("theirs"), std::string::npos);
    ASSERT_EQ(
        run("for v in '" + own_ + "'/[01y]*; do case $v in *.json) ;; *) " + program_path() + " rm $v; esac; done")
            .exit_code,
        0);
  }
}

TEST_F(Disclosure, WhoMayNotReadAllOfADraftHearsEaccesAndWhatItIs) {
  ASSERT_EQ(as(kThief, [&] { return error(::mkdir(own(".stage/x").c_str(), 0755)); }), 0);
  write_file(own(".stage/x/private"), kSecret, 0600);
  const auto publish_it = [&] { return error(::rename(own(".stage/x").c_str(), own("1.0").c_str())); };

  EXPECT_EQ(as(kThief, publish_it), EACCES);

  EXPECT_EQ(as(kThief,
               [&] {
                 const std::string why = text_attribute(own(".stage/x"), "user.modelfs.error");
                 return why.find("'private'") != std::string::npos && why.find("may not read it") != std::string::npos
                            ? 0
                            : 1;
               }),
            0);
  ASSERT_EQ(error(::chmod(own(".stage/x/private").c_str(), 0644)), 0);
  EXPECT_EQ(as(kThief, publish_it), 0) << "what he may read he may publish";
}

TEST_F(Disclosure, WhoPublishesMustBeAbleToReadTheArchiveThatHeRenames) {
  ASSERT_EQ(as(kThief, [&] { return error(::mkdir(own(".stage/x").c_str(), 0755)); }), 0);
  ASSERT_EQ(
      run("cd '" + own(".stage/x") + "' && mkdir /tmp/d$$ && echo SECRET > /tmp/d$$/f && tar czf a -C /tmp/d$$ f; " +
          "rm -r /tmp/d$$; chmod 600 a")
          .exit_code,
      0);

  EXPECT_EQ(as(kThief, [&] { return error(::rename(own(".stage/x/a").c_str(), own("1.0.tar.gz").c_str())); }), EACCES);

  EXPECT_FALSE(exists(own("1.0")));
  EXPECT_TRUE(exists(own(".stage/x/a")));
}

TEST_F(Disclosure, ADocumentOfAnotherUserIsNotPublishedAsMetadata) {
  write_file(own("2.json"), kSecret, 0600);
  ASSERT_EQ(as(kThief, [&] { return error(::mkdir(own(".stage/y").c_str(), 0755)); }), 0);

  EXPECT_EQ(as(kThief, [&] { return error(::rename(own(".stage/y").c_str(), own("2").c_str())); }), EACCES);

  EXPECT_FALSE(exists(own("2")));
}

TEST_F(Disclosure, RootAndTheOwnerPublishWhateverItsMode) {
  make_draft("x", {{"private", kSecret}});
  ASSERT_EQ(error(::chmod(stage("x/private").c_str(), 0)), 0);
  ASSERT_EQ(error(::chown(stage("x/private").c_str(), kOwner, kOwner)), 0);
  ASSERT_EQ(as(kOwner, [&] { return error(::mkdir(stage("y").c_str(), 0700)); }), 0);
  ASSERT_EQ(as(kOwner, [&] { return error(::open(stage("y/f").c_str(), O_WRONLY | O_CREAT, 0000)); }), 0);

  EXPECT_EQ(error(::rename(stage("x").c_str(), at("1.0").c_str())), 0);
  EXPECT_EQ(as(kOwner, [&] { return error(::rename(stage("y").c_str(), at("2.0").c_str())); }), 0);
}

TEST_F(Disclosure, AnotherUsersDraftKeepsItsNameWhereAllHaveTheirs) {
  ASSERT_EQ(as(kOwner,
               [&] {
                 return error(::mkdir(stage("theirs").c_str(), 0777)) + error(::mkdir(at("3.0").c_str(), 0777)) +
                        error(::mkdir(stage("empty").c_str(), 0777));
               }),
            0);
  ASSERT_EQ(as(kThief, [&] { return error(::mkdir(stage("mine").c_str(), 0777)); }), 0);
  const std::vector<std::pair<std::string, std::string>> moves = {
      {stage("theirs"), at("1.0")}, {stage("theirs"), stage("other")}, {stage("theirs"), own(".stage/x")},
      {at("3.0"), at("4.0")},       {stage("mine"), stage("empty")},   {stage("mine"), at("3.0")}};
  for (const auto& [from, to] : moves) {
    SCOPED_TRACE(from + " -> " + to);
    EXPECT_EQ(as(kThief, [&, from = from, to = to] { return error(::rename(from.c_str(), to.c_str())); }), EPERM);
  }
  EXPECT_EQ(as(kThief, [&] { return error(rename_with(stage("mine"), stage("theirs"), RENAME_EXCHANGE)); }), EPERM);
  EXPECT_EQ(as(kThief, [&] { return error(::rmdir(stage("theirs").c_str())); }), EPERM);
  EXPECT_EQ(as(kThief, [&] { return error(::rmdir(at("3.0").c_str())); }), EPERM);
  EXPECT_NE(shell_as(kThief, program_path() + " commit '" + stage("theirs") + "' '" + at("1.0") + "'"), 0);
  EXPECT_FALSE(exists(at("1.0")));

  EXPECT_EQ(as(kOwner, [&] { return error(::rename(stage("theirs").c_str(), at("1.0").c_str())); }), 0);
  EXPECT_EQ(error(::rename(stage("mine").c_str(), at("2.0").c_str())), 0) << "the domain's owner may";
}

}  // namespace
}  // namespace modelfs
