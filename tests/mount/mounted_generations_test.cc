// mount/SEMANTICS.md, "Generations" and "Metadata".
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "mount/mounted.h"

namespace modelfs {
namespace {

class Generations : public Mounted {
 protected:
  void SetUp() override {
    Mounted::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) publish("1.0", {{"weights", "abc"}});
  }
  int move(const std::string& draft, const std::string& to) const {
    return error(::rename(stage(draft).c_str(), at(to).c_str()));
  }
};

TEST_F(Generations, RenameOntoNextTakesTheNextNumber) {
  make_draft("g", {{"state", "one"}});
  const File directory = open_file(stage("g"), O_RDONLY | O_DIRECTORY);

  ASSERT_EQ(move("g", "1.0/next"), 0);

  EXPECT_EQ(text_attribute("/proc/self/fd/" + std::to_string(directory.fd()) + "/.", "user.modelfs.name"), "1");
  EXPECT_EQ(read_file(at("1.0/1/state")), "one");
  EXPECT_FALSE(exists(at("1.0/next")));
}

TEST_F(Generations, RenameOntoTheExactNumberIsTheSame) {
  publish("1.0/1", {{"state", "one"}});
  publish("1.0/2", {{"state", "two"}});

  EXPECT_EQ(read_file(at("1.0/2/state")), "two");
}

TEST_F(Generations, OtherNumbersAreErange) {
  make_draft("g", {{"state", "one"}});

  EXPECT_EQ(move("g", "1.0/2"), ERANGE);
  EXPECT_EQ(move("g", "1.0/7"), ERANGE);
  EXPECT_EQ(read_file(stage("g/state")), "one");
}

TEST_F(Generations, ANumberIsTakenOnce) {
  publish("1.0/1", {{"state", "one"}});
  make_draft("g", {{"state", "two"}});

  EXPECT_EQ(move("g", "1.0/1"), EEXIST);
}

TEST_F(Generations, LatestOfAReleaseNamesTheNewest) {
  EXPECT_FALSE(exists(at("1.0/latest")));
  publish("1.0/next", {{"state", "one"}});
  EXPECT_EQ(link_target(at("1.0/latest")), "1");
  publish("1.0/next", {{"state", "two"}});
  EXPECT_EQ(link_target(at("1.0/latest")), "2");
  EXPECT_EQ(read_file(at("1.0/latest/state")), "two");
}

TEST_F(Generations, OneThatIsBeingWrittenIsNotListed) {
  const auto before = names_in(at("1.0"));
  make_directory(at("1.0/next"));
  make_directory(at("1.0/1"));
  write_file(at("1.0/1/state"), "half of it");

  EXPECT_EQ(names_in(at("1.0")), before) << "a server would take the greatest number";
  EXPECT_EQ(read_file(at("1.0/1/state")), "half of it");
}

TEST_F(Generations, AnInPlaceGenerationIsCommittedBySetxattr) {
  make_directory(at("1.0/next"));
  write_file(at("1.0/next/state"), "one");

  ASSERT_TRUE(set_attribute(at("1.0/next"), "user.modelfs.commit", "1"));

  EXPECT_EQ(read_file(at("1.0/1/state")), "one");
  EXPECT_FALSE(exists(at("1.0/next")));
}

TEST_F(Generations, OneCanBeBegunRightAfterItsRelease) {
  Files files;
  for (int i = 0; i < 2000; ++i) files["file" + std::to_string(i)] = "";
  publish("2.0", files);

  EXPECT_EQ(error(::mkdir(at("2.0/next").c_str(), 0755)), 0);
  write_file(at("2.0/next/state"), "one");
  EXPECT_TRUE(set_attribute(at("2.0/next"), "user.modelfs.commit", "1"));
}

TEST_F(Generations, NumbersAreWithoutGapsAmongManyProcesses) {
  constexpr int kWriters = 4;
  constexpr int kEach = 8;
  const auto write_some = [&](int writer) {
    for (int i = 0; i < kEach; ++i) {
      const std::string draft = "g" + std::to_string(writer) + "-" + std::to_string(i);
      if (::mkdir(stage(draft).c_str(), 0755) != 0) return false;
      if (move(draft, "1.0/next") != 0) return false;
    }
    return true;
  };
  std::vector<std::unique_ptr<Holder>> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.push_back(std::make_unique<Holder>([&, i] { return write_some(i); }));
    EXPECT_TRUE(writers.back()->holds());
  }

  EXPECT_EQ(link_target(at("1.0/latest")), std::to_string(kWriters * kEach));
  for (int i = 1; i <= kWriters * kEach; ++i) EXPECT_TRUE(exists(at("1.0/" + std::to_string(i)))) << i;
}

TEST_F(Generations, NumberedDirectoriesOfADraftBecomeThem) {
  publish("2.0", {{"config", "c"}, {"1/", ""}, {"1/model", "one"}, {"2/", ""}, {"2/model", "two"}});

  EXPECT_EQ(link_target(at("2.0/latest")), "2");
  EXPECT_EQ(text_attribute(at("2.0/2"), "user.modelfs.name"), "2");
  EXPECT_EQ(read_file(at("2.0/1/model")), "one");
  publish("2.0/next", {{"model", "three"}});
  EXPECT_EQ(read_file(at("2.0/3/model")), "three");
}

TEST_F(Generations, OtherNumbersInADraftArePlainContent) {
  publish("2.0", {{"5/", ""}, {"5/model", "five"}});
  make_draft("g", {{"state", "one"}});

  EXPECT_EQ(read_file(at("2.0/5/model")), "five");
  EXPECT_FALSE(exists(at("2.0/latest")));
  EXPECT_EQ(move("g", "2.0/next"), EROFS);
}

TEST_F(Generations, APackagesOwnNamesWin) {
  publish("2.0", {{"latest", "mine"}});
  publish("2.0/next", {{"state", "one"}});

  EXPECT_EQ(read_file(at("2.0/latest")), "mine");
}

class Metadata : public Mounted {};

TEST_F(Metadata, IsMadeForEveryRelease) {
  publish("1.0", {{"weights", "abc"}});

  const std::string text = read_file(at("1.0.json"));
  for (const std::string part :
       {"\"version\": \"1.0\"", "\"model_id\"", "\"digest\"", "\"sequence\"", "\"published_by\""}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
  EXPECT_EQ(stat_of(at("1.0.json")).st_size, static_cast<off_t>(text.size()));
}

TEST_F(Metadata, LatestJsonIsThatOfTheLatestRelease) {
  publish("1.0", {{"weights", "abc"}});
  EXPECT_EQ(read_file(at("latest.json")), read_file(at("1.0.json")));
  publish("1.1", {{"weights", "def"}});
  EXPECT_EQ(read_file(at("latest.json")), read_file(at("1.1.json")));
}

TEST_F(Metadata, IsTheSameInModelfsShow) {
  publish("1.0", {{"weights", "abc"}});
  publish("1.0/next", {{"state", "s"}});

  for (const char* name : {"1.0", "1.0/1"}) {
    const std::string document = read_file(at(std::string(name) + ".json"));
    EXPECT_NE(document.find("\"path\": \"" + at(name) + "\""), std::string::npos) << document;
    EXPECT_TRUE(modelfs("show '" + at(name) + "'").output.ends_with("\n" + document)) << document;
  }
}

TEST_F(Metadata, IsFoundByModelIdToo) {
  publish("1.0", {{"weights", "abc"}});
  const auto names = names_in(at("versions"));

  ASSERT_EQ(names.size(), 1u);
  EXPECT_EQ(read_file(at("versions/" + names[0])), read_file(at("1.0.json")));
  EXPECT_NE(read_file(at("1.0.json")).find(names[0].substr(0, 36)), std::string::npos);
}

TEST_F(Metadata, IsMadeForEveryGeneration) {
  publish("1.0", {{"weights", "abc"}});
  publish("1.0/next", {{"state", "one"}});

  EXPECT_NE(read_file(at("1.0/1.json")), "");
  EXPECT_EQ(read_file(at("1.0/latest.json")), read_file(at("1.0/1.json")));
}

TEST_F(Metadata, GivenBeforehandComesBackByteForByte) {
  const std::string given = "{ \"accuracy\" : 0.950,\n \"note\":\"as written\" }\n";
  write_file(at("1.0.json"), given);
  EXPECT_FALSE(exists(at("1.0")));

  publish("1.0", {{"weights", "abc"}});

  EXPECT_EQ(read_file(at("1.0.json")), given);
  EXPECT_EQ(read_file(at("latest.json")), given);
  const auto names = names_in(domain());
  EXPECT_NE(std::find(names.begin(), names.end(), "1.0.json"), names.end()) << "what was given is listed";
}

TEST_F(Metadata, ThatIsNoJsonIsEbadmsg) {
  write_file(at("1.0.json"), "{ broken");
  make_draft("x", {{"weights", "abc"}});

  EXPECT_EQ(error(::rename(stage("x").c_str(), at("1.0").c_str())), EBADMSG);
  EXPECT_EQ(read_file(at("1.0.json")), "{ broken");
  EXPECT_EQ(read_file(stage("x/weights")), "abc");
}

TEST_F(Metadata, OfAReleaseNeverChanges) {
  publish("1.0", {{"weights", "abc"}});

  EXPECT_EQ(error(::open(at("1.0.json").c_str(), O_WRONLY)), unless_root(EROFS));
  EXPECT_EQ(error(::unlink(at("1.0.json").c_str())), EROFS);
}

TEST_F(Generations, ACopyOfAReleaseWithThemIsTheSameAndGoesOnFromThere) {
  NEEDS("rsync");
  make_draft("x", {{"config", "c"}, {"1/", ""}, {"1/weights", "one"}});
  ASSERT_EQ(move("x", "2.0"), 0);
  const std::string digest = text_attribute(at("2.0"), "user.modelfs.digest");
  const std::string copies[] = {
      "cp -r '" + at("2.0") + "' '" + stage("c") + "' && mv -T '" + stage("c") + "' '" + at("2.1") + "'",
      "rsync -a '" + at("2.0/") + "' '" + stage("r/") + "' && mv -T '" + stage("r") + "' '" + at("2.2") + "'",
      "tar cf '" + stage("t.tar") + "' -C '" + at("2.0") + "' . && mv '" + stage("t.tar") + "' '" + at("2.3.tar") +
          "'"};
  for (const std::string& copy : copies) {
    const Outcome outcome = run(copy);
    ASSERT_EQ(outcome.exit_code, 0) << copy << outcome.output;
  }
  for (const std::string& version : {std::string("2.1"), std::string("2.2"), std::string("2.3")}) {
    EXPECT_EQ(text_attribute(at(version), "user.modelfs.digest"), digest) << version;
    make_draft("g", {{"weights", "two"}});
    ASSERT_EQ(move("g", version + "/next"), 0);
    EXPECT_EQ(link_target(at(version + "/latest")), "2") << version;
  }
}

TEST_F(Generations, TheirDocumentsAndArchivesGetIntoNoCopyOfTheirRelease) {
  make_draft("x", {{"config", "c"}, {"1/", ""}, {"1/weights", "one"}});
  ASSERT_EQ(move("x", "3.0"), 0);
  write_file(at("3.0/next.json"), R"({"given": 2})");
  make_draft("g", {{"weights", "two"}});
  ASSERT_EQ(move("g", "3.0/next"), 0);
  const Outcome packed =
      run("set -e; d=$(mktemp -d); echo three > $d/weights; tar czf '" + at("3.0/next.tar.gz") + "' -C $d .; rm -r $d");
  ASSERT_EQ(packed.exit_code, 0) << packed.output;
  ASSERT_EQ(read_file(at("3.0/2.json")), R"({"given": 2})");
  ASSERT_TRUE(exists(at("3.0/3.tar.gz")));
  const std::vector<std::string> names = {"1", "2", "3", "config", "latest"};

  EXPECT_EQ(names_in(at("3.0")), names);

  for (const std::string& pair : {std::string("3.0 3.1"), std::string("3.1 3.2")}) {
    const Outcome copied = run("set -- " + pair + "; cd '" + domain() + "' && cp -r $1 .stage/c && mv -T .stage/c $2");
    ASSERT_EQ(copied.exit_code, 0) << copied.output;
  }
  EXPECT_EQ(names_in(at("3.2")), names);
  EXPECT_EQ(text_attribute(at("3.2"), "user.modelfs.digest"), text_attribute(at("3.1"), "user.modelfs.digest"));
  EXPECT_EQ(read_file(at("3.2/2.json")).find("given"), std::string::npos);
}

}  // namespace
}  // namespace modelfs
