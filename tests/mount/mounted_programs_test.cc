// mount/SEMANTICS.md, "Programs": what people really run, in a draft and from a release.
#include <fcntl.h>
#include <unistd.h>

#include "mount/mounted.h"

namespace modelfs {
namespace {

class Programs : public Mounted {
 protected:
  void SetUp() override {
    Mounted::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    source_ = local_.path() + "/model";
    make_model(source_);
    ASSERT_FALSE(HasFatalFailure());
    const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 123'456'789}};
    ASSERT_EQ(error(::utimensat(AT_FDCWD, (source_ + "/weights").c_str(), times, 0)), 0);
  }
  // Runs a line in which $S is the model, $D a draft that does not exist yet, and $M the domain.
  static Outcome shell(const std::string& line, const std::string& source, const std::string& draft,
                       const std::string& domain_path) {
    return run("S='" + source + "'; D='" + draft + "'; M='" + domain_path + "'; " + line);
  }
  // The draft is the same as the model afterwards, and can be published.
  void copy_by(const std::string& line) {
    const Outcome outcome = shell(line, source_, stage("d"), domain());
    ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(describe_tree(stage("d"), Detail::Content), describe_tree(source_, Detail::Content));
    ASSERT_EQ(error(::rename(stage("d").c_str(), at("1.0").c_str())), 0);
    EXPECT_EQ(describe_tree(at("1.0"), Detail::Content), describe_tree(source_, Detail::Content));
  }
  std::int64_t weights_time(const std::string& directory) const {
    return nanoseconds(stat_of(directory + "/weights").st_mtim);
  }

  TemporaryDirectory local_;
  std::string source_;
};

TEST_F(Programs, CpCopiesAModel) { copy_by("cp -r $S $D"); }

TEST_F(Programs, CpKeepsTimesAndModes) {
  copy_by("cp -a $S $D");

  EXPECT_EQ(weights_time(at("1.0")), weights_time(source_));
  EXPECT_EQ(permissions(stat_of(at("1.0/run.sh"))), 0555u);
}

TEST_F(Programs, RsyncCopiesAModel) {
  NEEDS("rsync");
  copy_by("rsync -a $S/ $D/");

  EXPECT_EQ(weights_time(at("1.0")), weights_time(source_));
}

TEST_F(Programs, RsyncFindsNothingToDoTheSecondTime) {
  NEEDS("rsync");
  const Outcome again = shell("rsync -a $S/ $D/ && rsync -ai $S/ $D/", source_, stage("d"), domain());

  EXPECT_EQ(again.exit_code, 0);
  EXPECT_EQ(again.output, "");
}

TEST_F(Programs, TarUnpacksAModel) { copy_by("mkdir $D && tar cf - -C $S . | tar xf - -C $D"); }

TEST_F(Programs, PythonCopiesAModel) {
  NEEDS("python3");
  copy_by("python3 -c 'import shutil,sys; shutil.copytree(sys.argv[1], sys.argv[2], symlinks=True)' $S $D");
}

TEST_F(Programs, GitClonesIntoADraft) {
  NEEDS("git");
  const Outcome outcome = shell(
      "export HOME=$S/.. GIT_CONFIG_NOSYSTEM=1; cd $S && git init -q . && git add -A && "
      "git -c user.name=n -c user.email=e@example.com commit -qm model && "
      "git clone -q $S $D && cd $D && git fsck && git status --short && git log --oneline | wc -l",
      source_, stage("d"), domain());

  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_EQ(outcome.output, "1\n");
  EXPECT_EQ(read_file(stage("d/weights")), read_file(source_ + "/weights"));
  EXPECT_EQ(error(::rename(stage("d").c_str(), at("1.0").c_str())), 0);
}

TEST_F(Programs, SqliteWorksInADraft) {
  NEEDS("sqlite3");
  make_directory(stage("d"));
  const Outcome outcome = shell(
      "sqlite3 $D/base 'create table t(x); begin; insert into t values (1),(2); commit; update t set x=x+1;' && "
      "sqlite3 $D/base 'pragma journal_mode=wal; insert into t values (9); pragma integrity_check; select sum(x) from "
      "t;'",
      source_, stage("d"), domain());

  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_EQ(outcome.output, "wal\nok\n14\n");
}

TEST_F(Programs, MvPublishes) {
  const Outcome outcome = shell("cp -r $S $D && mv $D $M/1.0", source_, stage("d"), domain());

  EXPECT_EQ(outcome.output, "");
  EXPECT_EQ(describe_tree(at("1.0"), Detail::Content), describe_tree(source_, Detail::Content));
}

TEST_F(Programs, CpAndRsyncSeeEachModelOnce) {
  NEEDS("rsync");
  ASSERT_EQ(shell("cp -r $S $D && mv $D $M/1.0", source_, stage("d"), domain()).exit_code, 0);
  const std::string out = local_.path() + "/out";

  EXPECT_EQ(run("rsync -a '" + domain() + "/' '" + out + "/'").output, "");

  EXPECT_EQ(names_in(out), (std::vector<std::string>{"1.0", "latest"}));
  EXPECT_EQ(describe_tree(out + "/1.0", Detail::Content), describe_tree(source_, Detail::Content));
}

TEST_F(Programs, FindAndDuGoThroughARelease) {
  ASSERT_EQ(shell("cp -r $S $D && mv $D $M/1.0", source_, stage("d"), domain()).exit_code, 0);

  EXPECT_EQ(run("cd '" + at("1.0") + "' && find . -type f | wc -l").output, "4\n");
  EXPECT_EQ(run("du -s --apparent-size -B1 '" + at("1.0/weights") + "' | cut -f1").output, "300000\n");
}

}  // namespace
}  // namespace modelfs
