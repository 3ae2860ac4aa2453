// mount/SEMANTICS.md, "Publishing": what rename(2) answers for every flag and every pair of kinds.
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <vector>

#include "mount/mounted.h"

namespace modelfs {
namespace {

// What a name shows: of a symlink its target, of a file its bytes, of a directory all that lies in it.
std::string shown(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto status = fs::symlink_status(path, error);
  switch (status.type()) {
    case fs::file_type::symlink: return "-> " + link_target(path);
    case fs::file_type::regular: return "file " + read_file(path);
    case fs::file_type::directory: {
      std::string text = "directory";
      for (const std::string& name : names_in(path)) text += "\n  " + name + " " + shown(path + "/" + name);
      return text;
    }
    default: return "";
  }
}

// Names beneath a domain, and in its trash: one of each kind. "*" stands for the domain's name.
const std::vector<std::string> kNames = {
    ".stage/file", ".stage/other", ".stage/directory", ".stage/symlink", "plain", "in-place", "1.0",
    "2.0",         "1.0/1",        "1.0/weights",      "blue",           "green", "latest",   "1.0.json",
    "1.0.tar.gz",  "trash/0.9",    ".stage",
};
// Where nothing is.
const std::vector<std::string> kFree = {
    ".stage/free", ".stage/directory/free", "3.0", "free", "1.0/2", "1.0/x", "trash/1.0", "3.0.json"};

class RenameTable : public Mounted {
 protected:
  static constexpr unsigned kFlags[] = {0, RENAME_NOREPLACE, RENAME_EXCHANGE};

  std::string world() const { return part_ + "/"; }
  std::string path(const std::string& name) const {
    if (name.starts_with("trash/")) return mount().point() + "/.modelfs/trash/" + name_of_part() + name.substr(5);
    return world() + name;
  }
  std::string name_of_part() const { return part_.substr(part_.rfind('/') + 1); }

  void make(const std::string& directory, const std::string& bytes) const {
    make_directory(path(directory));
    write_file(path(directory + "/weights"), bytes);
  }
  void release(const std::string& version) const {
    make(".stage/x", version);
    ASSERT_EQ(error(::rename(path(".stage/x").c_str(), path(version).c_str())), 0) << version;
  }
  // A domain with one name of each kind.
  void make_world() {
    before_.clear();
    part_ = domain() + "-" + std::to_string(++parts_);
    make_directory(part_);
    for (const char* version : {"0.9", "1.0", "2.0"}) release(version);
    make(".stage/x", "generation");
    ASSERT_EQ(error(::rename(path(".stage/x").c_str(), path("1.0/1").c_str())), 0);
    ASSERT_EQ(error(::rename(path("0.9").c_str(), path("trash/0.9").c_str())), 0);
    ASSERT_EQ(error(::symlink("1.0", path("blue").c_str())), 0);
    ASSERT_EQ(error(::symlink("2.0", path("green").c_str())), 0);
    make(".stage/directory", "of a directory");
    make("in-place", "in place");
    write_file(path(".stage/file"), "of a file");
    write_file(path(".stage/other"), "of another");
    write_file(path("plain"), "plain");
    ASSERT_EQ(error(::symlink("2.0", path(".stage/symlink").c_str())), 0);
  }
  std::map<std::string, std::string> look() const {
    std::map<std::string, std::string> all;
    for (const auto& names : {kNames, kFree}) {
      for (const std::string& name : names) all[name] = shown(path(name));
    }
    return all;
  }
  // Whether it was carried out. What rename(2) says of it must hold in any case.
  bool judge(const std::string& from, const std::string& to, unsigned flag) {
    if (before_.empty()) before_ = look();
    const auto& before = before_;
    const int answer = error(::renameat2(AT_FDCWD, path(from).c_str(), AT_FDCWD, path(to).c_str(), flag));
    const auto after = look();
    const std::string what = from + " to " + to + ", flag " + std::to_string(flag);
    if (answer != 0) {
      EXPECT_EQ(after, before) << what << ": " << std::strerror(answer);
      EXPECT_NE(answer, EIO) << what;
      EXPECT_NE(answer, EINVAL) << what;
      return false;
    }
    if (from == to) {
      EXPECT_EQ(after, before) << what;
      return false;
    }
    EXPECT_EQ(after.at(to), before.at(from)) << what;
    EXPECT_EQ(after.at(from), flag == RENAME_EXCHANGE ? before.at(to) : "") << what;
    if (flag != 0) {
      EXPECT_EQ(before.at(to).empty(), flag == RENAME_NOREPLACE) << what;
    }
    return true;
  }

  std::string part_;
  std::map<std::string, std::string> before_;  // of `part_`; empty: nobody has looked
  int parts_ = 0;
};

TEST_F(RenameTable, EveryFlagAndPairOfKindsIsDoneOrRefusedWhole) {
  make_world();
  int done = 0;
  for (const unsigned flag : kFlags) {
    for (const std::string& from : kNames) {
      for (const auto& targets : {kNames, kFree}) {
        for (const std::string& to : targets) {
          // A directory into itself is EINVAL before the mount is asked.
          if (to.starts_with(from + "/") || from.starts_with(to + "/")) continue;
          if (!judge(from, to, flag)) continue;
          ++done;
          make_world();
        }
      }
    }
  }
  EXPECT_GT(done, 30);
}

TEST_F(RenameTable, LabelsAreExchangedAndTheHistoryHasBoth) {
  make_world();

  ASSERT_EQ(error(::renameat2(AT_FDCWD, path("blue").c_str(), AT_FDCWD, path("green").c_str(), RENAME_EXCHANGE)), 0);

  EXPECT_EQ(link_target(path("blue")), "2.0");
  EXPECT_EQ(link_target(path("green")), "1.0");
  const Outcome log = modelfs("log '" + part_ + "'");
  EXPECT_NE(log.output.find("blue"), std::string::npos) << log.output;
  EXPECT_EQ(modelfs("verify '" + part_ + "'").exit_code, 0);
}

TEST_F(RenameTable, ADraftSymlinkBecomesALabelUnderAnyNameOfItsOwn) {
  make_world();
  make_directory(path("1234"));
  for (const std::string link : {".prod.tmp", ".stage/prod", "1234/tmp.symlink", ".1234.5678.tmp"}) {
    for (const std::string version : {"1.0", "2.0"}) {
      ASSERT_EQ(error(::symlink(version.c_str(), path(link).c_str())), 0) << link;
      ASSERT_EQ(error(::rename(path(link).c_str(), path("prod").c_str())), 0) << link;
      EXPECT_EQ(link_target(path("prod")), version);
      EXPECT_FALSE(exists(path(link))) << link;
    }
    ASSERT_EQ(error(::unlink(path("prod").c_str())), 0);
  }
  EXPECT_EQ(error(::rmdir(path("1234").c_str())), 0);
  ASSERT_EQ(error(::symlink("none", path(".prod.tmp").c_str())), 0);
  EXPECT_EQ(error(::rename(path(".prod.tmp").c_str(), path("blue").c_str())), EPERM) << "it names no version";
  EXPECT_EQ(link_target(path("blue")), "1.0");
  EXPECT_EQ(link_target(path(".prod.tmp")), "none") << "nothing is lost";
}

TEST_F(RenameTable, ADirectoryThatIsMovedIntoAReleaseHearsThatItExists) {
  make_world();
  for (const unsigned flag : {0u, unsigned{RENAME_NOREPLACE}}) {
    const std::string into = path("1.0/directory");
    EXPECT_EQ(error(::renameat2(AT_FDCWD, path(".stage/directory").c_str(), AT_FDCWD, into.c_str(), flag)), EEXIST);
  }
  EXPECT_TRUE(exists(path(".stage/directory/weights")));
}

}  // namespace
}  // namespace modelfs
