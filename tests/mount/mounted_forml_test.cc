// mount/SEMANTICS.md, "ForML": the calls of its registry, in their order.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "archive/building_zip.h"
#include "mount/mounted.h"

namespace modelfs {
namespace {

constexpr const char* kOne = "14046f11-3dbb-4a0e-9f29-0f1dfb373ce8";
constexpr const char* kTwo = "a534f2da-dc3d-4353-8b85-e61d3728ca91";

class Forml : public Mounted {
 protected:
  // A package as ForML packs it: without entries for directories, the manifest first.
  static std::string package(const std::string& version, const std::string& code = "x = 1\n") {
    ZipBuilder zip;
    zip.add({.name = "__4ml__.py", .content = manifest(version), .method = 8});
    zip.add({.name = "hello/__init__.py", .content = code, .method = 8});
    return zip.members() + zip.directory() + zip.end();
  }
  static std::string manifest(const std::string& version) {
    return "NAME = \"hello\"\nVERSION = \"" + version + "\"\nPACKAGE = \"hello\"\nMODULES = {}";
  }
  static std::string tag(const std::vector<std::string>& states) {
    std::string list;
    for (const std::string& state : states) list += " \"" + state + "\",";
    return "states = [" + list + "]\n\n[training]\ntimestamp = 2026-03-04T05:06:07\nordinal = 42\n\n[tuning]\n";
  }
  // open(O_TRUNC), one write, close: its error.
  static int write_whole(const std::string& path, const std::string& bytes) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return errno;
    EXPECT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    return error(::close(fd));
  }
  int push(const std::string& version, const std::string& bytes) const {
    if (::mkdir(at(version).c_str(), 0777) != 0 && errno != EEXIST) return errno;
    return write_whole(at(version + "/package.4ml"), bytes);
  }
  void stage_state(const std::string& state, const std::string& bytes) const {
    if (!exists(at("0.1/.stage"))) make_directory(at("0.1/.stage"), 0777);
    ASSERT_EQ(write_whole(staged(state), bytes), 0);
  }
  std::string staged(const std::string& state) const { return at("0.1/.stage/" + state + ".bin"); }
  std::string state_of(const std::string& number, const std::string& state) const {
    return at("0.1/" + number + "/" + state + ".bin");
  }
  // What ForML calls close(): the error of the first call that has one.
  int close_generation(const std::string& number, const std::vector<std::string>& states) const {
    if (::mkdir(at("0.1/" + number).c_str(), 0777) != 0 && errno != EEXIST) return errno;
    for (const std::string& state : states) {
      if (::rename(staged(state).c_str(), state_of(number, state).c_str()) != 0) return errno;
    }
    return write_whole(at("0.1/" + number + "/tag.toml"), tag(states));
  }
};

TEST_F(Forml, ThePackagesCloseIsTheRelease) {
  const std::string bytes = package("0.1");
  ASSERT_EQ(push("0.1", bytes), 0);

  EXPECT_EQ(read_file(at("0.1/package.4ml")), bytes);
  EXPECT_EQ(read_file(at("0.1/hello/__init__.py")), "x = 1\n");
  EXPECT_EQ(names_in(at("0.1")), (std::vector<std::string>{"__4ml__.py", "hello"}));
  EXPECT_EQ(link_target(at("latest")), "0.1");
  EXPECT_NE(read_file(at("0.1.json")).find("\"hello\""), std::string::npos);
}

TEST_F(Forml, UntilThenNobodyElseSeesThePackage) {
  make_directory(at("0.1"));
  const File file = open_file(at("0.1/package.4ml"), O_WRONLY | O_CREAT | O_TRUNC);
  ASSERT_GT(::write(file.fd(), "PK", 2), 0);

  EXPECT_TRUE(exists(at("0.1/package.4ml")));
  EXPECT_EQ(in_child([&] { return exists(at("0.1/package.4ml")) ? 1 : 0; }), 0);
  EXPECT_EQ(in_child([&] { return static_cast<int>(names_in(at("0.1")).size()); }), 0);
}

TEST_F(Forml, ABrokenPackageIsRefusedAtItsClose) {
  const std::string bytes = package("0.1");

  EXPECT_EQ(push("0.1", bytes.substr(0, bytes.size() - 7)), EBADMSG);
  EXPECT_EQ(in_child([&] { return exists(at("0.1/package.4ml")) ? 1 : 0; }), 0) << "only its writer may go on with it";
  EXPECT_EQ(push("0.1", bytes), 0);
}

TEST_F(Forml, APackageIsPushedOnce) {
  ASSERT_EQ(push("0.1", package("0.1")), 0);

  EXPECT_EQ(push("0.1", package("0.1", "x = 2\n")), EEXIST);
  EXPECT_EQ(read_file(at("0.1/hello/__init__.py")), "x = 1\n");
}

TEST_F(Forml, VersionsAreCanonicalAndGrow) {
  ASSERT_EQ(push("1.0", package("1.0")), 0);

  EXPECT_EQ(push("1.0.0", package("1.0.0")), EEXIST);
  EXPECT_EQ(push("0.9", package("0.9")), ERANGE);
  EXPECT_EQ(push("v2", package("v2")), EINVAL);
  EXPECT_EQ(push("1.1.dev1", package("1.1.dev1")), 0);
  make_draft("native", {{"weights", "abc"}});
  EXPECT_EQ(error(::rename(stage("native").c_str(), at("0.5").c_str())), ERANGE);
}

TEST_F(Forml, APackageThatIsADirectoryIsPublishedWhenItsCopyEnds) {
  make_directory(at("0.1"));
  const std::string target = at("0.1/package.4ml");
  make_directory(target);
  write_file(target + "/__4ml__.py", manifest("0.1"));
  make_directory(target + "/hello");
  write_file(target + "/hello/__init__.py", "x = 1\n");
  const timespec times[2] = {{1'700'000'000, 0}, {1'700'000'000, 0}};

  ASSERT_EQ(::utimensat(AT_FDCWD, target.c_str(), times, 0), 0);
  EXPECT_FALSE(exists(at("0.1.json")));
  ASSERT_EQ(::chmod(target.c_str(), 0755), 0);

  EXPECT_EQ(read_file(at("0.1/hello/__init__.py")), "x = 1\n");
  EXPECT_TRUE(S_ISREG(stat_of(target).st_mode));
  EXPECT_EQ(read_file(target).substr(0, 2), "PK");
}

TEST_F(Forml, ADirectoryThatIsNoPackageStaysADraft) {
  make_directory(at("0.1"));
  make_directory(at("0.1/package.4ml"));
  write_file(at("0.1/package.4ml/__4ml__.py"), "NAME = compute()\n");
  const timespec times[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, at("0.1/package.4ml").c_str(), times, 0), 0);

  ASSERT_EQ(::chmod(at("0.1/package.4ml").c_str(), 0755), 0);

  EXPECT_FALSE(exists(at("0.1.json")));
  EXPECT_EQ(names_in(at("0.1/package.4ml")), (std::vector<std::string>{"__4ml__.py"}));
}

TEST_F(Forml, ANativeReleaseWithAPackageInItHasItsArchive) {
  publish("0.1", {{"__4ml__.py", manifest("0.1")}, {"hello/", ""}, {"hello/__init__.py", ""}});
  publish("0.2", {{"weights", "abc"}});

  EXPECT_EQ(read_file(at("0.1/package.4ml")).substr(0, 2), "PK");
  EXPECT_FALSE(exists(at("0.2/package.4ml")));
}

TEST_F(Forml, TheTagsCloseIsTheGeneration) {
  ASSERT_EQ(push("0.1", package("0.1")), 0);
  stage_state(kOne, "one");
  stage_state(kTwo, "");

  ASSERT_EQ(close_generation("1", {kTwo, kOne}), 0);

  EXPECT_EQ(read_file(state_of("1", kOne)), "one");
  EXPECT_EQ(read_file(state_of("1", kTwo)), "");
  EXPECT_EQ(read_file(at("0.1/1/tag.toml")), tag({kTwo, kOne}));
  EXPECT_EQ(link_target(at("0.1/latest")), "1");
  EXPECT_TRUE(names_in(at("0.1/.stage")).empty());
  const auto names = names_in(at("0.1"));
  EXPECT_EQ(std::find(names.begin(), names.end(), ".stage"), names.end()) << "a copy would take it along";
  EXPECT_EQ(error(::unlink(state_of("1", kOne).c_str())), EROFS);
}

TEST_F(Forml, UntilThenNobodyElseSeesTheTag) {
  ASSERT_EQ(push("0.1", package("0.1")), 0);
  make_directory(at("0.1/1"));
  const File file = open_file(at("0.1/1/tag.toml"), O_WRONLY | O_CREAT | O_TRUNC);
  ASSERT_GT(::write(file.fd(), "states", 6), 0);

  EXPECT_EQ(in_child([&] { return exists(at("0.1/1/tag.toml")) ? 1 : 0; }), 0);
}

TEST_F(Forml, StatesThatTheTagDoesNotNameGoBack) {
  ASSERT_EQ(push("0.1", package("0.1")), 0);
  stage_state(kOne, "one");
  stage_state(kTwo, "two");
  make_directory(at("0.1/1"));
  ASSERT_EQ(::rename(staged(kTwo).c_str(), state_of("1", kTwo).c_str()), 0);  // another trainer's

  ASSERT_EQ(close_generation("1", {kOne}), 0);

  EXPECT_EQ(names_in(at("0.1/1")), (std::vector<std::string>{std::string(kOne) + ".bin", "tag.toml"}));
  EXPECT_EQ(read_file(staged(kTwo)), "two");
}

TEST_F(Forml, ATagWithoutItsStatesIsRefused) {
  ASSERT_EQ(push("0.1", package("0.1")), 0);
  make_directory(at("0.1/1"));

  EXPECT_EQ(write_whole(at("0.1/1/tag.toml"), tag({kOne})), ENOENT);
  EXPECT_EQ(write_whole(at("0.1/1/tag.toml"), "states = ["), EBADMSG);
  EXPECT_FALSE(exists(at("0.1/1/tag.toml")));
  EXPECT_FALSE(exists(at("0.1/1.json")));
}

TEST_F(Forml, ATrainerWhoseNumberWasTakenLosesNoState) {
  ASSERT_EQ(push("0.1", package("0.1")), 0);
  stage_state(kOne, "one");
  stage_state(kTwo, "two");
  ASSERT_EQ(close_generation("1", {kOne}), 0);

  EXPECT_EQ(close_generation("1", {kTwo}), EEXIST);
  EXPECT_EQ(read_file(staged(kTwo)), "two");
  EXPECT_EQ(close_generation("3", {kTwo}), ERANGE);
  EXPECT_EQ(close_generation("2", {kTwo}), 0);
}

TEST_F(Forml, OfTrainersThatMeetTheOthersHearEexist) {
  constexpr int kTrainers = 4;
  constexpr int kRounds = 8;
  ASSERT_EQ(push("0.1", package("0.1")), 0);
  make_directory(at("0.1/.stage"), 0777);
  const auto state_name = [](int trainer, int round) {
    return "14046f11-3dbb-4a0e-9f29-00000000" + std::to_string(1000 + trainer * 100 + round);
  };
  // In a process of its own, as trainers are. Ends with the first errno that is not EEXIST.
  const auto train = [&](int trainer) {
    int number = 1;
    for (int round = 0; round < kRounds; ++round) {
      const std::string state = state_name(trainer, round);
      stage_state(state, state);
      for (int answer = EEXIST; answer == EEXIST;) {
        while (exists(at("0.1/" + std::to_string(number) + "/tag.toml"))) ++number;
        answer = close_generation(std::to_string(number), {state});
        if (answer != 0 && answer != EEXIST) ::_exit(answer);
      }
    }
    ::_exit(0);
  };
  std::vector<pid_t> trainers;
  for (int i = 0; i < kTrainers; ++i) {
    trainers.push_back(::fork());
    if (trainers.back() == 0) train(i);
  }

  for (const pid_t trainer : trainers) {
    int outcome = 0;
    ASSERT_EQ(::waitpid(trainer, &outcome, 0), trainer);
    EXPECT_EQ(WEXITSTATUS(outcome), 0) << std::strerror(WEXITSTATUS(outcome));
  }
  EXPECT_TRUE(exists(at("0.1/" + std::to_string(kTrainers * kRounds) + "/tag.toml")));
  EXPECT_FALSE(exists(at("0.1/" + std::to_string(kTrainers * kRounds + 1) + "/tag.toml")));
}

TEST_F(Forml, ATagThatIsPublishedIsEexistToWhoeverWritesIt) {
  ASSERT_EQ(push("0.1", package("0.1")), 0);
  stage_state(kOne, "one");
  ASSERT_EQ(close_generation("1", {kOne}), 0);
  make_draft("x", {{"f", "y"}});
  ASSERT_EQ(error(::rename(stage("x").c_str(), at("0.1/next").c_str())), 0);

  for (const char* number : {"1", "2", "latest"}) {
    const std::string path = at("0.1/" + std::string(number) + "/tag.toml");
    EXPECT_EQ(error(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666)), EEXIST) << path;
    EXPECT_EQ(error(::open(path.c_str(), O_RDWR)), EEXIST) << path;
    EXPECT_TRUE(exists(path));
  }
  EXPECT_EQ(error(::open(state_of("1", kOne).c_str(), O_WRONLY)), EROFS) << "a state is no marker";
}

TEST_F(Forml, ATagThatNestsTooDeepIsRefusedAndTheMountLives) {
  ASSERT_EQ(push("0.1", package("0.1")), 0);
  make_directory(at("0.1/1"));
  std::string key = "a";
  for (int i = 0; i < 200'000; ++i) key += ".a";
  for (const std::string& line :
       {key + " = 1\n", "x = " + std::string(200'000, '[') + "\n", std::string("\u0354 = 1\n")}) {
    EXPECT_EQ(write_whole(at("0.1/1/tag.toml"), line), EBADMSG);
  }

  EXPECT_EQ(write_whole(at("0.1/1/tag.toml"), tag({})), 0);
}

TEST_F(Forml, ATagWhoseStateIsStillWrittenIsEbusy) {
  ASSERT_EQ(push("0.1", package("0.1")), 0);
  stage_state(kOne, "one");
  File writer(::open(staged(kOne).c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(writer.valid());

  EXPECT_EQ(close_generation("1", {kOne}), EBUSY);
  EXPECT_FALSE(exists(at("0.1/1.json"))) << "nothing is published";

  writer.reset();
  EXPECT_EQ(write_whole(at("0.1/1/tag.toml"), tag({kOne})), 0);
  EXPECT_EQ(read_file(state_of("1", kOne)), "one");
}

TEST_F(Forml, EveryGenerationHasATag) {
  publish("0.1", {{"weights", "abc"}});
  publish("0.1/next", {{"state", "one"}});

  EXPECT_EQ(read_file(at("0.1/1/tag.toml")).substr(0, 11), "states = []");
  EXPECT_EQ(static_cast<std::size_t>(stat_of(at("0.1/1/tag.toml")).st_size), read_file(at("0.1/1/tag.toml")).size());
  EXPECT_EQ(names_in(at("0.1/1")), (std::vector<std::string>{"state"}));
}

TEST_F(Forml, ItsStagingIsAPlainDirectory) {
  const std::string staging = mount().point() + "/.stage";
  if (!exists(staging)) make_directory(staging);
  make_directory(staging + "/" + domain_name());
  write_file(staging + "/" + domain_name() + "/0.1", package("0.1"));

  EXPECT_EQ(read_file(staging + "/" + domain_name() + "/0.1"), package("0.1"));
  EXPECT_EQ(error(::unlink((staging + "/" + domain_name() + "/0.1").c_str())), 0);
  EXPECT_EQ(error(::rmdir((staging + "/" + domain_name()).c_str())), 0);
}

TEST_F(Forml, MarkersMayBeMovedIntoPlace) {
  make_directory(at("0.1"));
  write_file(stage("part"), package("0.1"));
  ASSERT_EQ(::rename(stage("part").c_str(), at("0.1/package.4ml").c_str()), 0);
  EXPECT_EQ(read_file(at("0.1/hello/__init__.py")), "x = 1\n");

  make_directory(at("0.1/1"));
  write_file(stage("part"), tag({}));
  ASSERT_EQ(::rename(stage("part").c_str(), at("0.1/1/tag.toml").c_str()), 0);
  EXPECT_TRUE(exists(at("0.1/1.json")));
}

TEST_F(Forml, OtherFilesUnderAPackagesNameAreInItsWay) {
  make_directory(at("0.1"));
  write_file(at("0.1/notes"), "mine");

  EXPECT_EQ(push("0.1", package("0.1")), ENOTEMPTY);
  EXPECT_EQ(read_file(at("0.1/notes")), "mine");
}

}  // namespace
}  // namespace modelfs
