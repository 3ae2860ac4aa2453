// mount/SEMANTICS.md, "Layout and names".
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "mount/mounted.h"

namespace modelfs {
namespace {

class Layout : public Mounted {
 protected:
  std::string root(const std::string& name) const { return mount().point() + "/" + name; }
};

bool lists(const std::string& directory, const std::string& name) {
  const auto names = names_in(directory);
  return std::find(names.begin(), names.end(), name) != names.end();
}

TEST_F(Layout, ADirectoryAtTheTopIsADomain) {
  make_directory(root("churn"), 0750);

  EXPECT_EQ(permissions(stat_of(root("churn"))), 0750u);
  EXPECT_EQ(stat_of(root("churn")).st_uid, ::getuid());
  EXPECT_TRUE(lists(mount().point(), "churn"));
}

TEST_F(Layout, ADomainKeepsOwnerAndMode) {
  ASSERT_EQ(error(::chmod(domain().c_str(), 02775)), 0);

  EXPECT_EQ(permissions(stat_of(domain())), 02775u);
}

TEST_F(Layout, AnEmptyDomainCanBeRemoved) {
  EXPECT_EQ(error(::rmdir(domain().c_str())), 0);

  EXPECT_FALSE(exists(domain()));
}

TEST_F(Layout, ADomainWithAReleaseCannotBeRemoved) {
  publish("1.0", {{"weights", "a"}});

  EXPECT_EQ(error(::rmdir(domain().c_str())), ENOTEMPTY);
}

TEST_F(Layout, ADomainWithoutReleasesGoesAndItsTrashWaitsForIt) {
  publish("1.0", {{"weights", "a"}});
  const std::string trash = root(".modelfs/trash/" + domain_name() + "/1.0");
  ASSERT_EQ(error(::rename(at("1.0").c_str(), trash.c_str())), 0);

  EXPECT_EQ(error(::rmdir(domain().c_str())), 0);
  EXPECT_FALSE(exists(domain()));
  EXPECT_FALSE(exists(trash));
  ASSERT_EQ(error(::mkdir(domain().c_str(), 0755)), 0);

  ASSERT_EQ(error(::rename(trash.c_str(), at("1.0").c_str())), 0);
  EXPECT_EQ(read_file(at("1.0/weights")), "a");
}

TEST_F(Layout, ADomainIsNotRenamed) { EXPECT_EQ(error(::rename(domain().c_str(), root("other-name").c_str())), EPERM); }

TEST_F(Layout, TheStageIsListedWhileItHoldsDrafts) {
  EXPECT_TRUE(exists(at(".stage")));
  EXPECT_FALSE(lists(domain(), ".stage"));

  make_directory(stage("x"));

  EXPECT_TRUE(lists(domain(), ".stage"));
}

TEST_F(Layout, AnEmptyStageCanBeRemovedAndIsThereAgain) {
  make_directory(stage("x"));
  EXPECT_EQ(error(::rmdir(at(".stage").c_str())), ENOTEMPTY);
  ASSERT_EQ(::rmdir(stage("x").c_str()), 0);
  const File held = open_file(at(".stage"), O_RDONLY | O_DIRECTORY);

  EXPECT_EQ(error(::rmdir(at(".stage").c_str())), 0);

  EXPECT_FALSE(lists(domain(), ".stage"));
  make_directory(stage("y"));
  EXPECT_TRUE(lists(domain(), ".stage"));
}

TEST_F(Layout, ADomainThatWasNeverPublishedIntoIsRemovedWithAllItsDraftsAtOnce) {
  make_directory(root("never"));
  make_directory(root("never/.stage/x"));
  write_file(root("never/.stage/x/weights"), "a");
  make_directory(root("never/1.0"));
  write_file(root("never/1.0/weights"), "a");
  write_file(root("never/config.json"), "{}");

  const auto removed = run("rm -rf " + root("never"));

  EXPECT_EQ(removed.exit_code, 0) << removed.output;
  EXPECT_FALSE(exists(root("never")));
}

TEST_F(Layout, TheSystemDirectoryIsThereAndNotListed) {
  EXPECT_TRUE(exists(root(".modelfs/status.json")));
  EXPECT_TRUE(exists(root(".modelfs/events")));
  EXPECT_FALSE(lists(mount().point(), ".modelfs"));
}

TEST_F(Layout, SynthesisedFacesCanBeOpenedAndAreNotListed) {
  publish("1.0", {{"weights", "a"}});

  EXPECT_NE(read_file(at("1.0.json")), "");
  EXPECT_EQ(names_in(domain()), (std::vector<std::string>{"1.0", "latest"}));
}

TEST_F(Layout, PlainFilesMayLieAtTheTopAndInADomain) {
  write_file(root("notes.txt"), "top");
  write_file(at("notes.txt"), "domain");

  EXPECT_EQ(read_file(root("notes.txt")), "top");
  EXPECT_EQ(read_file(at("notes.txt")), "domain");
}

TEST_F(Layout, NothingCanBeMadeInTheSystemDirectory) {
  EXPECT_EQ(error(::mkdir(root(".modelfs/x").c_str(), 0755)), unless_root(EPERM));
  EXPECT_EQ(error(::open(root(".modelfs/x").c_str(), O_WRONLY | O_CREAT, 0644)), unless_root(EPERM));
}

class Names : public Mounted {};

TEST_F(Names, ADomainsNameHasAtMost240Bytes) {
  EXPECT_EQ(error(::mkdir((mount().point() + "/" + std::string(240, 'a')).c_str(), 0755)), 0);
  EXPECT_EQ(error(::mkdir((mount().point() + "/" + std::string(241, 'a')).c_str(), 0755)), ENAMETOOLONG);
}

TEST_F(Names, AVersionsNameHasAtMost240Bytes) {
  EXPECT_EQ(error(::mkdir(at(std::string(240, 'v')).c_str(), 0755)), 0);
  EXPECT_EQ(error(::mkdir(at(std::string(241, 'v')).c_str(), 0755)), ENAMETOOLONG);
}

TEST_F(Names, AFilesNameHasAtMost255Bytes) {
  make_directory(stage("x"));

  EXPECT_EQ(error(::mkdir(stage("x/" + std::string(255, 'f')).c_str(), 0755)), 0);
  EXPECT_EQ(error(::mkdir(stage("x/" + std::string(256, 'f')).c_str(), 0755)), ENAMETOOLONG);
}

TEST_F(Names, BytesThatAreNotUtf8AreEilseq) {
  make_directory(stage("x"));

  EXPECT_EQ(error(::mkdir((mount().point() + "/bad\xff").c_str(), 0755)), EILSEQ);
  EXPECT_EQ(error(::mkdir(at("bad\xff").c_str(), 0755)), EILSEQ);
  EXPECT_EQ(error(::open(stage("x/bad\xff").c_str(), O_WRONLY | O_CREAT, 0644)), EILSEQ);
  EXPECT_EQ(error(::symlink("x", stage("x/bad\xff").c_str())), EILSEQ);
}

TEST_F(Names, ControlCharactersAreRefusedInDomainsAndVersions) {
  EXPECT_EQ(error(::mkdir((mount().point() + "/bad\nname").c_str(), 0755)), EINVAL);
  EXPECT_EQ(error(::mkdir(at("bad\x7fname").c_str(), 0755)), EINVAL);
}

TEST_F(Names, InvisibleCharactersAreRefusedInDomainsVersionsAndLabels) {
  publish("1.0", {{"f", "x"}});
  make_draft("x", {{"f", "y"}});
  for (const char* invisible : {"\u200b", "\u00ad", "\u00a0", "\u202e", "\ufe0f"}) {
    const std::string name = std::string("1.0") + invisible;
    EXPECT_EQ(error(::mkdir((mount().point() + "/" + name).c_str(), 0755)), EINVAL);
    EXPECT_EQ(error(::mkdir(at(name).c_str(), 0755)), EINVAL);
    EXPECT_EQ(error(::rename(stage("x").c_str(), at(name).c_str())), EPERM) << "mv misreads EINVAL";
    EXPECT_EQ(error(::symlink("1.0", at("prod" + std::string(invisible)).c_str())), EINVAL);
    EXPECT_EQ(error(::mkdir(stage("x/" + name).c_str(), 0755)), 0) << "inside a package they are kept";
  }
  EXPECT_EQ(names_in(domain()), (std::vector<std::string>{".stage", "1.0", "latest"}));
}

TEST_F(Names, ControlCharactersAreKeptInFileNames) {
  make_directory(stage("x"));

  write_file(stage("x/Icon\r"), "a");

  EXPECT_EQ(names_in(stage("x")), (std::vector<std::string>{"Icon\r"}));
}

TEST_F(Names, ReservedNamesAreRefused) {
  for (const char* name :
       {"latest", "next", "versions", "domains", "model_states", "modelstore", "operatorai-model-store"}) {
    const bool is_there = std::string_view(name) == "operatorai-model-store";
    EXPECT_EQ(error(::mkdir((mount().point() + "/" + name).c_str(), 0755)), is_there ? EEXIST : EINVAL) << name;
    const int in_domain = error(::mkdir(at(name).c_str(), 0755));
    EXPECT_TRUE(is_there ? in_domain == 0 : in_domain == EINVAL || in_domain == EEXIST) << name << ": " << in_domain;
  }
}

TEST_F(Names, NamesOfFacesAreRefusedForDirectories) {
  for (const char* suffix : {".json", ".tar", ".tar.gz", ".tgz", ".tar.zst", ".zip", ".4ml"}) {
    EXPECT_EQ(error(::mkdir(at(std::string("1.0") + suffix).c_str(), 0755)), EINVAL) << suffix;
  }
}

TEST_F(Names, ARefusedNameSaysWhy) {
  ASSERT_EQ(error(::mkdir(at("1.0.tar.gz").c_str(), 0755)), EINVAL);

  EXPECT_NE(text_attribute(domain(), "user.modelfs.error").find(".tar.gz"), std::string::npos);
}

}  // namespace
}  // namespace modelfs
