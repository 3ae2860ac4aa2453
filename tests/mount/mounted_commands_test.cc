// mount/SEMANTICS.md, "Commands": what depends on where in a mount a command is run.
#include <sys/stat.h>

#include "mount/mounted.h"

namespace modelfs {
namespace {

class Commands : public Mounted {
 protected:
  // The same in the directory `where`, by a process that was in it before.
  static Outcome in(const std::string& where, const std::string& arguments) {
    return run("cd '" + where + "' && exec '" + program_path() + "' " + arguments);
  }
};

TEST_F(Commands, LsInADomainListsThatDomain) {
  publish("1.0", {{"weights", "w"}});
  publish("2.0", {{"weights", "ww"}});
  make_draft("x", {{"a", "b"}});

  for (const std::string& place : {domain(), stage("x")}) {
    const Outcome listed = in(place, "ls");
    EXPECT_EQ(listed.exit_code, 0) << listed.output;
    EXPECT_NE(listed.output.find("VERSION"), std::string::npos) << listed.output;
    EXPECT_NE(listed.output.find("2.0"), std::string::npos) << listed.output;
    EXPECT_EQ(listed.output.find("DOMAIN"), std::string::npos) << listed.output;
  }
  EXPECT_NE(in(at("1.0"), "ls").output.find("weights"), std::string::npos);
  EXPECT_NE(in(mount().point(), "ls").output.find("DOMAIN"), std::string::npos);
  EXPECT_NE(in(mount().point() + "/.modelfs", "ls").output.find("DOMAIN"), std::string::npos);
}

TEST_F(Commands, ARepeatedCommitIsAnsweredAsARepeatedPut) {
  make_directory(at("1.0"));
  write_file(at("1.0/weights"), "abc");

  const Outcome first = modelfs("commit " + at("1.0"));
  const Outcome second = modelfs("commit " + at("1.0"));
  const Outcome put = modelfs("put " + at("1.0") + " " + at("1.0"));

  EXPECT_EQ(first.exit_code, 0) << first.output;
  EXPECT_EQ(second.exit_code, 0) << second.output;
  EXPECT_EQ(put.exit_code, 0) << put.output;
  EXPECT_EQ(second.output, first.output.substr(0, first.output.size() - 1) + "  already published\n");
  EXPECT_EQ(put.output, second.output);
}

TEST_F(Commands, ACommitOfAFileSaysThatAReleaseIsADirectory) {
  write_file(at("1.0"), "gguf");

  const Outcome outcome = modelfs("commit " + at("1.0"));

  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.output.find("is a file, and a release is a directory"), std::string::npos) << outcome.output;
}

TEST_F(Commands, AnImportOfAMountIsRefusedWithTheWayToCopy) {
  publish("1.0", {{"weights", "w"}});

  const Outcome outcome = modelfs("import " + mount().point() + " " + mount().point());

  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.output.find("`modelfs put DIR OTHER/DOMAIN/VERSION`"), std::string::npos) << outcome.output;
  EXPECT_EQ(names_in(domain()).size(), 2u);  // 1.0 and latest
}

TEST_F(Commands, MetricsAreCopiedForACollectorAsTheReadmeSays) {
  NEEDS("install");
  const TemporaryDirectory collected;
  const std::string to = collected.path() + "/modelfs";

  const Outcome outcome = run("install -m 0644 " + mount().point() + "/.modelfs/metrics " + to + ".tmp && mv " + to +
                              ".tmp " + to + ".prom");

  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  struct stat info {};
  ASSERT_EQ(::stat((to + ".prom").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0644u);
  EXPECT_NE(read_file(to + ".prom").find("modelfs_info"), std::string::npos);
}

// A mount that ends in its test.
class Umount : public testing::Test {};

TEST_F(Umount, InTheMountItselfIsNotHeldUpByItself) {
  if (const std::string why = why_no_mount(); !why.empty()) GTEST_SKIP() << why;
  Mount mount;
  ASSERT_EQ(mount.start(), "");
  make_directory(mount.point() + "/churn");

  const Outcome outcome = run("cd '" + mount.point() + "/churn' && exec '" + program_path() + "' umount ..");

  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_EQ(outcome.output, "");
}

TEST_F(Umount, NamesWhoHoldsTheMountAndNotItself) {
  if (const std::string why = why_no_mount(); !why.empty()) GTEST_SKIP() << why;
  Mount mount;
  ASSERT_EQ(mount.start(), "");
  make_directory(mount.point() + "/churn");

  // The shell stays in the mount, and waits.
  const Outcome outcome =
      run("cd '" + mount.point() + "/churn' && '" + program_path() + "' umount '" + mount.point() + "'; :");

  EXPECT_NE(outcome.output.find("is in use\n  sh (pid "), std::string::npos) << outcome.output;
  EXPECT_EQ(outcome.output.find("  modelfs (pid "), std::string::npos) << outcome.output;
}

}  // namespace
}  // namespace modelfs
