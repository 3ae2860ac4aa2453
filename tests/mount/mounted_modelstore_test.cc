// mount/SEMANTICS.md, "modelstore": the calls of its client, in their order.
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>

#include "mount/mounted.h"

namespace modelfs {
namespace {

constexpr const char* kStamp = "2026.11.21-21.22.47";

class Modelstore : public Mounted {
 protected:
  static std::string store() { return mount().point() + "/operatorai-model-store"; }
  std::string in_view(const std::string& path) const { return store() + "/" + domain_name() + "/" + path; }
  std::string domain_file() const { return store() + "/domains/" + domain_name() + ".json"; }
  std::string metadata_file(const std::string& id) const { return in_view("versions/" + id + ".json"); }
  std::string tombstone_file(const std::string& id) const {
    return in_view("versions/modelstore-deleted/" + id + ".json");
  }
  std::string state_file(const std::string& state, const std::string& id) const {
    return in_view("versions/" + state + "/" + id + ".json");
  }
  std::string archive_file(const std::string& id) const {
    return in_view(std::string(kStamp) + "/" + id + "/artifacts.tar.gz");
  }

  // The bytes of an archive with one file.
  std::string archive(const std::string& content) const {
    const std::string command =
        "set -e; d=$(mktemp -d); printf %s '" + content + "' > $d/model.joblib; tar cz -C $d model.joblib; rm -r $d";
    return run(command).output;
  }
  std::string metadata(const std::string& id, const std::string& path, const std::string& note = "first") const {
    return R"({"model": {"domain": ")" + domain_name() + R"(", "model_id": ")" + id +
           R"(", "model_type": {"library": "sklearn"}, "parameters": {"c": NaN}}, "storage": {"type": "file_system", )" +
           R"("root": ")" + mount().point() + R"(", "path": ")" + path +
           R"("}, "modelstore": "0.0.81", "code": {"runtime": "python:3.11.2", "user": "root", )" +
           R"("created": "2026/11/21/21:22:47", "dependencies": {}}, "extra": {"note": ")" + note + R"("}})";
  }

  // What its client does with a finished file: the error of the first call that has one.
  static int push(const std::string& to, const std::string& bytes) {
    std::string directories;
    for (std::size_t end = mount().point().size() + 1; (end = to.find('/', end)) != std::string::npos; ++end) {
      if (::mkdir(to.substr(0, end).c_str(), 0777) != 0 && errno != EEXIST) return errno;
    }
    const int fd = ::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return errno;
    EXPECT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    if (::close(fd) != 0) return errno;
    return error(::chmod(to.c_str(), 0644));
  }
  // The archive, its document, and a copy of that.
  int upload(const std::string& id, const std::string& bytes, const std::string& note = "first") const {
    if (const int failed = push(archive_file(id), bytes); failed != 0) return failed;
    const std::string text = metadata(id, archive_file(id), note);
    if (const int failed = push(metadata_file(id), text); failed != 0) return failed;
    return push(domain_file(), text);
  }
  // Its loop: remove what is empty, and go up.
  static void prune(std::string directory) {
    while (directory != mount().point() && names_in(directory).empty() && ::rmdir(directory.c_str()) == 0) {
      directory.resize(directory.rfind('/'));
    }
  }
  static int remove_file(const std::string& path) {
    if (::unlink(path.c_str()) != 0) return errno;
    prune(path.substr(0, path.rfind('/')));
    return 0;
  }
  int remove(const std::string& id) const {
    if (const int failed = remove_file(archive_file(id)); failed != 0) return failed;
    if (const int failed = push(store() + "/model_states/modelstore-deleted.json", "{\"created\": \"x\"}"))
      return failed;
    if (const int failed = push(tombstone_file(id), read_file(metadata_file(id))); failed != 0) return failed;
    return remove_file(metadata_file(id));
  }
};

TEST_F(Modelstore, TheMetadatasCloseIsTheRelease) {
  const std::string bytes = archive("one");
  ASSERT_EQ(push(archive_file("rf-one"), bytes), 0);
  EXPECT_FALSE(exists(at("rf-one")));
  ASSERT_EQ(push(metadata_file("rf-one"), metadata("rf-one", archive_file("rf-one"))), 0);

  EXPECT_EQ(read_file(at("rf-one/model.joblib")), "one");
  EXPECT_EQ(read_file(at("rf-one.tar.gz")), bytes);
  EXPECT_EQ(read_file(archive_file("rf-one")), bytes);
  EXPECT_EQ(link_target(at("latest")), "rf-one");
  EXPECT_EQ(read_file(at("versions/rf-one.json")), metadata("rf-one", archive_file("rf-one")));
  EXPECT_EQ(names_in(in_view(std::string(kStamp) + "/rf-one")), (std::vector<std::string>{"artifacts.tar.gz"}));
}

TEST_F(Modelstore, NobodySeesAHalfWrittenFile) {
  ASSERT_EQ(push(archive_file("a"), archive("a")), 0);
  for (const std::string& path :
       {metadata_file("a"), in_view("x/b/artifacts.tar.gz"), store() + "/model_states/" + domain_name() + ".json"}) {
    make_directory(in_view("x"));
    make_directory(in_view("x/b"));
    ::mkdir(in_view("versions").c_str(), 0755);
    const File file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
    ASSERT_GT(::write(file.fd(), "{", 1), 0);
    EXPECT_TRUE(exists(path)) << path;
    EXPECT_EQ(in_child([&] { return exists(path) ? 1 : 0; }), 0) << path;
    EXPECT_EQ(in_child([&] {
                const auto names = names_in(path.substr(0, path.rfind('/')));
                return std::count(names.begin(), names.end(), path.substr(path.rfind('/') + 1)) != 0 ? 1 : 0;
              }),
              0)
        << path;
    ::rmdir(in_view("x/b").c_str());
    ::rmdir(in_view("x").c_str());
  }
}

TEST_F(Modelstore, AnArchiveWithoutMetadataStaysADraft) {
  const std::string bytes = archive("orphan");
  ASSERT_EQ(push(archive_file("a"), bytes), 0);

  EXPECT_EQ(in_child([&] { return read_file(archive_file("a")) == bytes ? 1 : 0; }), 1);
  EXPECT_EQ(names_in(at("")), std::vector<std::string>{});
  const std::string draft = "operatorai-model-store/" + domain_name() + "/" + kStamp;
  EXPECT_NE(mount().status().find(draft), std::string::npos);
  EXPECT_EQ(remove_file(archive_file("a")), 0);
  EXPECT_FALSE(exists(in_view(kStamp)));
  EXPECT_EQ(mount().status().find(draft), std::string::npos);
}

TEST_F(Modelstore, MetadataWithoutItsArchiveIsRefused) {
  ASSERT_EQ(push(in_view("x/other"), "x"), 0);

  EXPECT_EQ(push(metadata_file("a"), metadata("a", archive_file("a"))), ENOENT);
  EXPECT_FALSE(exists(metadata_file("a")));
  ASSERT_EQ(push(archive_file("a"), archive("a")), 0);
  EXPECT_EQ(push(metadata_file("a"), metadata("b", archive_file("a"))), EBADMSG);
  EXPECT_EQ(push(metadata_file("a"), "{\"model\": "), EBADMSG);
  EXPECT_FALSE(exists(at("a")));
  EXPECT_EQ(push(metadata_file("a"), metadata("a", archive_file("a"))), 0);
}

TEST_F(Modelstore, MetadataThatNamesNoArchiveIsAReleaseWithoutFiles) {
  std::string text = metadata("a", "");
  const std::string storage = text.substr(text.find(R"({"type": "file_system")"));
  text.replace(text.find(storage), storage.find('}') + 1, "null");
  ASSERT_EQ(push(metadata_file("a"), text), 0);
  ASSERT_EQ(push(domain_file(), text), 0);

  EXPECT_EQ(read_file(metadata_file("a")), text);
  EXPECT_EQ(read_file(domain_file()), text);
  EXPECT_EQ(names_in(at("a")), std::vector<std::string>{});
  EXPECT_EQ(link_target(at("latest")), "a");
  EXPECT_EQ(push(metadata_file("a"), text), EEXIST);
  EXPECT_EQ(remove_file(metadata_file("a")), 0);
  EXPECT_FALSE(exists(at("a")));
}

TEST_F(Modelstore, AFileThatIsNoArchiveIsAllOfItsRelease) {
  const std::string file = in_view(std::string(kStamp) + "/a/model.onnx");
  ASSERT_EQ(push(file, pattern(100'000)), 0);
  ASSERT_EQ(push(metadata_file("a"), metadata("a", file)), 0);

  EXPECT_TRUE(read_file(file) == pattern(100'000));
  EXPECT_EQ(names_in(at("a")), std::vector<std::string>{"model.onnx"});
  EXPECT_TRUE(read_file(at("a/model.onnx")) == pattern(100'000));
  EXPECT_NE(read_file(metadata_file("a")).find(file), std::string::npos);
  EXPECT_EQ(push(file, "x"), EROFS);
  ASSERT_EQ(remove_file(file), 0);
  EXPECT_FALSE(exists(file));
  ASSERT_EQ(remove_file(metadata_file("a")), 0);
  EXPECT_FALSE(exists(at("a")));
  ASSERT_EQ(modelfs("restore " + at("a")).exit_code, 0);
  EXPECT_TRUE(read_file(at("a/model.onnx")) == pattern(100'000));
}

TEST_F(Modelstore, TheDirectoryOfDocumentsIsThereOnceItIsMade) {
  EXPECT_EQ(names_in(in_view("")), std::vector<std::string>{});
  EXPECT_EQ(error(::mkdir(in_view("versions").c_str(), 0777)), 0);

  EXPECT_EQ(names_in(in_view("")), std::vector<std::string>{"versions"});
  EXPECT_EQ(error(::mkdir(in_view("versions").c_str(), 0777)), EEXIST);
}

TEST_F(Modelstore, ABrokenArchiveIsRefusedWithItsMetadata) {
  const std::string bytes = archive("a model that is longer than its stump");
  ASSERT_EQ(push(archive_file("a"), bytes.substr(0, bytes.size() - 9)), 0);

  EXPECT_EQ(push(metadata_file("a"), metadata("a", archive_file("a"))), EBADMSG);
  EXPECT_FALSE(exists(at("a")));
  EXPECT_FALSE(exists(metadata_file("a")));
  EXPECT_TRUE(exists(archive_file("a")));
}

TEST_F(Modelstore, TheDomainsFileIsThatOfTheLastUpload) {
  ASSERT_EQ(upload("a", archive("a")), 0);
  ASSERT_EQ(upload("b", archive("b")), 0);
  EXPECT_EQ(read_file(domain_file()), read_file(metadata_file("b")));

  ASSERT_EQ(remove("b"), 0);

  EXPECT_NE(read_file(domain_file()).find("\"model_id\": \"b\""), std::string::npos);
  EXPECT_EQ(link_target(at("latest")), "a");
  EXPECT_NE(read_file(in_view("latest.json")).find("\"model_id\": \"a\""), std::string::npos);
}

TEST_F(Modelstore, ACopyIsCheckedAndNotKept) {
  ASSERT_EQ(upload("a", archive("a")), 0);
  const std::string before = read_file(domain_file());

  EXPECT_EQ(push(domain_file(), metadata("unknown", archive_file("a"))), EBADMSG);
  EXPECT_EQ(push(domain_file(), "no json"), EBADMSG);

  EXPECT_EQ(read_file(domain_file()), before);
}

TEST_F(Modelstore, WhileACopyIsWrittenOthersSeeWhatWasThere) {
  ASSERT_EQ(upload("a", archive("a")), 0);
  const std::string before = read_file(domain_file());
  const File file = open_file(domain_file(), O_WRONLY | O_TRUNC);
  ASSERT_GT(::write(file.fd(), "{", 1), 0);

  EXPECT_EQ(in_child([&] { return read_file(domain_file()) == before ? 1 : 0; }), 1);
}

TEST_F(Modelstore, WhoReadsWhileOthersBeginToWriteReadsAll) {
  ASSERT_EQ(upload("a", archive("a")), 0);
  const std::string before = read_file(domain_file());
  const File reader = open_file(domain_file(), O_RDONLY);
  struct stat info {};
  ASSERT_EQ(::fstat(reader.fd(), &info), 0);
  const File writer = open_file(domain_file(), O_WRONLY | O_TRUNC);
  int pipe[2] = {-1, -1};
  ASSERT_EQ(::pipe(pipe), 0);
  const File out(pipe[0]);
  const File in(pipe[1]);

  EXPECT_EQ(::sendfile(in.fd(), reader.fd(), nullptr, 1 << 20), static_cast<ssize_t>(before.size()));
  EXPECT_EQ(read_file(domain_file()), before);
}

TEST_F(Modelstore, AnIdIsUploadedOnce) {
  ASSERT_EQ(upload("a", archive("a")), 0);

  EXPECT_EQ(push(archive_file("a"), archive("other")), EEXIST);
  EXPECT_EQ(push(metadata_file("a"), metadata("a", archive_file("a"), "second")), EEXIST);
  EXPECT_NE(read_file(metadata_file("a")).find("first"), std::string::npos);
}

TEST_F(Modelstore, StatesAreSetsOfReleases) {
  ASSERT_EQ(upload("a", archive("a")), 0);
  ASSERT_EQ(push(state_file("production", "a"), read_file(metadata_file("a"))), 0);
  ASSERT_EQ(push(state_file("production", "a"), read_file(metadata_file("a"))), 0);

  EXPECT_EQ(read_file(state_file("production", "a")), read_file(metadata_file("a")));
  EXPECT_EQ(names_in(in_view("versions/production")), std::vector<std::string>{"a.json"});
  EXPECT_EQ(modelfs("state " + at("a")).output, "production\n");
  EXPECT_EQ(error(::rmdir(in_view("versions/production").c_str())), ENOTEMPTY);

  EXPECT_EQ(modelfs("state " + at("a") + " --set staging --unset production").exit_code, 0);
  EXPECT_EQ(names_in(in_view("versions/production")), std::vector<std::string>{});
  EXPECT_EQ(names_in(in_view("versions/staging")), std::vector<std::string>{"a.json"});
  EXPECT_EQ(remove_file(state_file("staging", "a")), 0);
  EXPECT_FALSE(exists(in_view("versions/staging")));
  EXPECT_EQ(modelfs("state " + at("a")).output, "");
  EXPECT_EQ(push(state_file("production", "nobody"), metadata("nobody", archive_file("a"))), ENOENT);
}

TEST_F(Modelstore, RemovingTheMetadataRemovesTheRelease) {
  ASSERT_EQ(upload("a", archive("a")), 0);
  ASSERT_EQ(push(state_file("production", "a"), read_file(metadata_file("a"))), 0);
  const std::string document = read_file(metadata_file("a"));

  ASSERT_EQ(remove_file(archive_file("a")), 0);
  EXPECT_FALSE(exists(in_view(kStamp)));
  EXPECT_EQ(read_file(at("a/model.joblib")), "a");
  EXPECT_TRUE(exists(metadata_file("a")));
  ASSERT_EQ(push(tombstone_file("a"), document), 0);
  ASSERT_EQ(remove_file(metadata_file("a")), 0);

  EXPECT_FALSE(exists(at("a")));
  EXPECT_FALSE(exists(state_file("production", "a")));
  EXPECT_TRUE(exists(trash("a")));
  EXPECT_EQ(read_file(tombstone_file("a")), document);
}

TEST_F(Modelstore, RemovingAModelThatALabelNamesIsEbusyAtTheFirstStepAndLosesNothing) {
  ASSERT_EQ(upload("a", archive("a")), 0);
  ASSERT_EQ(push(state_file("production", "a"), read_file(metadata_file("a"))), 0);
  ASSERT_EQ(error(::symlink("a", at("prod").c_str())), 0);

  EXPECT_EQ(remove("a"), EBUSY);

  EXPECT_TRUE(exists(archive_file("a")));
  EXPECT_TRUE(exists(state_file("production", "a")));
  EXPECT_TRUE(exists(metadata_file("a")));
  ASSERT_EQ(error(::unlink(at("prod").c_str())), 0);
  EXPECT_EQ(remove("a"), 0);
}

TEST_F(Modelstore, ARemovalThatItsClientHasLeftHalfDoneIsMadeWholeByRmAndRestore) {
  ASSERT_EQ(upload("a", archive("a")), 0);
  ASSERT_EQ(remove_file(archive_file("a")), 0);
  ASSERT_FALSE(exists(archive_file("a")));

  ASSERT_EQ(modelfs("rm '" + at("a") + "'").exit_code, 0);
  ASSERT_EQ(modelfs("restore '" + at("a") + "'").exit_code, 0);

  EXPECT_EQ(run("tar xzOf " + archive_file("a") + " model.joblib").output, "a");
  ASSERT_EQ(remove_file(archive_file("a")), 0);
  ASSERT_EQ(error(::symlink("a", at("prod").c_str())), 0);
  EXPECT_EQ(error(::unlink(metadata_file("a").c_str())), EBUSY);
  ASSERT_EQ(error(::unlink(at("prod").c_str())), 0);
  ASSERT_EQ(modelfs("rm '" + at("a") + "'").exit_code, 0);
  ASSERT_EQ(modelfs("restore '" + at("a") + "'").exit_code, 0);
  EXPECT_TRUE(exists(archive_file("a")));
}

TEST_F(Modelstore, WhatIsRestoredIsWhereItWas) {
  ASSERT_EQ(upload("a", archive("a")), 0);
  ASSERT_EQ(push(state_file("production", "a"), read_file(metadata_file("a"))), 0);
  ASSERT_EQ(::rename(at("a").c_str(), trash("a").c_str()), 0);
  EXPECT_FALSE(exists(archive_file("a")));
  EXPECT_TRUE(exists(tombstone_file("a")));

  ASSERT_EQ(::rename(trash("a").c_str(), at("a").c_str()), 0);

  EXPECT_TRUE(exists(archive_file("a")));
  EXPECT_TRUE(exists(state_file("production", "a")));
  EXPECT_FALSE(exists(tombstone_file("a")));
}

TEST_F(Modelstore, WhatIsRestoredFindsADirectoryThatWasMadeAnew) {
  ASSERT_EQ(upload("a", archive("a")), 0);
  ASSERT_EQ(::rename(at("a").c_str(), trash("a").c_str()), 0);
  const std::string directory = archive_file("a").substr(0, archive_file("a").rfind('/'));
  ASSERT_EQ(::rmdir(directory.c_str()), 0);
  ASSERT_EQ(::mkdir(directory.c_str(), 0777), 0);

  ASSERT_EQ(::rename(trash("a").c_str(), at("a").c_str()), 0);

  EXPECT_TRUE(exists(archive_file("a")));
}

TEST_F(Modelstore, ADirectoryWithWhatIsPublishedStaysWhereItIs) {
  ASSERT_EQ(upload("a", archive("a")), 0);
  const std::string stamp = in_view(kStamp);
  ASSERT_EQ(::mkdir((stamp + "/b").c_str(), 0777), 0);

  EXPECT_EQ(error(::rename((stamp + "/a").c_str(), (stamp + "/c").c_str())), EPERM);
  EXPECT_EQ(error(::rename(stamp.c_str(), in_view("later").c_str())), EPERM);
  EXPECT_EQ(error(::renameat2(AT_FDCWD, (stamp + "/a").c_str(), AT_FDCWD, (stamp + "/b").c_str(), RENAME_EXCHANGE)),
            EPERM);
  EXPECT_EQ(error(::rmdir((stamp + "/a").c_str())), ENOTEMPTY);
  EXPECT_EQ(::rmdir((stamp + "/b").c_str()), 0);
  EXPECT_EQ(read_file(archive_file("a")), read_file(at("a.tar.gz")));
}

TEST_F(Modelstore, ADirectoryWithWhatIsPublishedIsNoDraftToPublish) {
  const std::string seed = at("2026/11/21/21:18:13/archive.tar.gz");
  ASSERT_EQ(push(seed, archive("seed")), 0);
  ASSERT_EQ(push(at("versions/b.json"), metadata("b", seed)), 0);

  EXPECT_EQ(error(::rename(at("2026").c_str(), at("1.0").c_str())), EPERM);
  EXPECT_EQ(error(::setxattr(at("2026").c_str(), "user.modelfs.commit", "1", 1, 0)), EPERM);

  EXPECT_EQ(read_file(seed), read_file(at("b.tar.gz")));
}

TEST_F(Modelstore, ADeletedIdMayBeUploadedAgain) {
  ASSERT_EQ(upload("a", archive("old")), 0);
  ASSERT_EQ(remove("a"), 0);

  ASSERT_EQ(remove_file(tombstone_file("a")), 0);
  EXPECT_FALSE(exists(tombstone_file("a")));
  ASSERT_EQ(upload("a", archive("new"), "second"), 0);

  EXPECT_EQ(read_file(at("a/model.joblib")), "new");
  ASSERT_EQ(remove("a"), 0);
  EXPECT_NE(read_file(tombstone_file("a")).find("second"), std::string::npos);
}

TEST_F(Modelstore, ANativeReleaseIsAModelToo) {
  publish("1.2.0", {{"weights.bin", "w"}});
  const auto ids = names_in(in_view("versions"));
  ASSERT_EQ(ids.size(), 1u);
  const std::string id = ids.front().substr(0, ids.front().size() - 5);
  const std::string document = read_file(metadata_file(id));

  for (const char* part :
       {"\"model_type\":{\"library\":", "\"modelstore\":\"", "\"type\":\"file_system\"", "\"created\":\""}) {
    EXPECT_NE(document.find(part), std::string::npos) << part << " in " << document;
  }
  const std::string path = in_view(id + "/artifacts.tar.gz");
  EXPECT_NE(document.find(path), std::string::npos) << document;
  EXPECT_EQ(run("tar xzOf " + path + " weights.bin").output, "w");
  EXPECT_EQ(read_file(domain_file()).substr(0, 20), document.substr(0, 20));
  ASSERT_EQ(remove_file(path), 0);
  EXPECT_FALSE(exists(in_view(id)));
  ASSERT_EQ(remove_file(metadata_file(id)), 0);
  EXPECT_FALSE(exists(at("1.2.0")));
}

TEST_F(Modelstore, PathsInTheMetadataAreThoseOfTheMount) {
  ASSERT_EQ(push(archive_file("a"), archive("a")), 0);
  const std::string elsewhere =
      "/in/a/container/operatorai-model-store/" + domain_name() + "/" + kStamp + "/a/artifacts.tar.gz";

  ASSERT_EQ(push(metadata_file("a"), metadata("a", elsewhere)), 0);

  EXPECT_EQ(read_file(metadata_file("a")), metadata("a", archive_file("a")));
}

TEST_F(Modelstore, OlderLayoutsWorkToo) {
  const std::string old = in_view("2026/11/21/21:18:13/artifacts.tar.gz");
  ASSERT_EQ(push(old, archive("old")), 0);
  ASSERT_EQ(push(metadata_file("a"), metadata("a", old)), 0);
  EXPECT_EQ(push(old, archive("later")), EEXIST);

  // The seed of them all, without a directory of modelstore's own.
  const std::string seed = at("2026/11/21/21:18:13/archive.tar.gz");
  const std::string text = metadata("b", seed);
  ASSERT_EQ(push(seed, archive("seed")), 0);
  ASSERT_EQ(push(at("versions/b.json"), text), 0);
  ASSERT_EQ(push(at("latest.json"), text), 0);

  EXPECT_EQ(read_file(at("a/model.joblib")), "old");
  EXPECT_EQ(read_file(at("b/model.joblib")), "seed");
  EXPECT_EQ(read_file(at("latest.json")), text);
  EXPECT_EQ(permissions(stat_of(at("latest.json"))), 0644u) << "its client need not be root";
  EXPECT_EQ(permissions(stat_of(at("b.json"))), 0444u);
  EXPECT_EQ(read_file(seed), read_file(at("b.tar.gz")));
}

TEST_F(Modelstore, TwoThatUploadToOnePathDoNotMeet) {
  const std::string path = in_view("2026/11/21/21:18:14/artifacts.tar.gz");
  ASSERT_EQ(push(path, archive("first")), 0);

  EXPECT_EQ(in_child([&] { return push(path, "second"); }), EEXIST);
  ASSERT_EQ(push(metadata_file("a"), metadata("a", path)), 0);

  EXPECT_EQ(read_file(at("a/model.joblib")), "first");
}

TEST_F(Modelstore, NamesThatTheLayoutDoesNotHaveAreRefused) {
  ASSERT_EQ(push(archive_file("a"), archive("a")), 0);

  EXPECT_EQ(push(in_view("b/versions/a.json"), "{}"), EINVAL);
  EXPECT_EQ(push(store() + "/domains/a/b.json", "{}"), EINVAL);
  EXPECT_EQ(push(metadata_file("latest"), "{}"), EINVAL);
  EXPECT_EQ(push(metadata_file("x.json"), "{}"), EINVAL);
  EXPECT_EQ(push(store() + "/versions/x", "{}"), EINVAL);
}

TEST_F(Modelstore, ItsProbeAndOtherStoresArePlainFiles) {
  const std::string probe = mount().point() + "/.operator-ai";
  { const File file = open_file(probe, O_WRONLY | O_CREAT); }
  EXPECT_EQ(error(::unlink(probe.c_str())), 0);

  const std::string deeper = at("work/operatorai-model-store/fraud/versions/a.json");
  ASSERT_EQ(push(deeper, "not even json"), 0);
  EXPECT_EQ(read_file(deeper), "not even json");
}

TEST_F(Modelstore, ItsStoreInADomainIsOfPlainDraftsForAll) {
  { const File probe = open_file(at(".operator-ai"), O_WRONLY | O_CREAT); }
  ASSERT_EQ(::unlink(at(".operator-ai").c_str()), 0);
  const std::string own = at("operatorai-model-store");

  ASSERT_EQ(push(own + "/fraud/2026.11.21-21.22.47/a/artifacts.tar.gz", "no archive"), 0);
  ASSERT_EQ(push(own + "/fraud/versions/a.json", metadata("a", "somewhere")), 0);
  ASSERT_EQ(push(own + "/domains/fraud.json", metadata("a", "somewhere")), 0);

  EXPECT_EQ(read_file(own + "/fraud/versions/a.json"), metadata("a", "somewhere"));
  EXPECT_EQ(stat_of(own).st_mode & 0777u, 0755u) << "others use the store, too";
  EXPECT_EQ(names_in(domain()), (std::vector<std::string>{"operatorai-model-store"})) << "nothing is published";
  EXPECT_EQ(error(::setxattr(own.c_str(), "user.modelfs.commit", "1", 1, 0)), EPERM);
  EXPECT_EQ(run("rm -r '" + own + "'").exit_code, 0);
}

TEST_F(Modelstore, IsListedOnceItIsInUse) {
  Mount fresh;
  ASSERT_EQ(fresh.start(), "");
  EXPECT_EQ(names_in(fresh.point()), std::vector<std::string>{});
  EXPECT_TRUE(exists(fresh.point() + "/operatorai-model-store/domains"));

  make_directory(fresh.point() + "/operatorai-model-store/fraud");

  EXPECT_EQ(names_in(fresh.point()), (std::vector<std::string>{"fraud", "operatorai-model-store"}));
}

TEST_F(Modelstore, AClientRootIsWhatDocumentsSay) {
  Mount elsewhere;
  ASSERT_EQ(elsewhere.start("client_root=/models"), "");
  const std::string domain = elsewhere.point() + "/fraud";
  make_directory(domain);
  ASSERT_EQ(run("mkdir " + domain + "/.stage/x && mv " + domain + "/.stage/x " + domain + "/1.0").exit_code, 0);

  const std::string text = read_file(elsewhere.point() + "/operatorai-model-store/domains/fraud.json");

  EXPECT_NE(text.find("\"root\":\"/models\""), std::string::npos) << text;
  EXPECT_NE(text.find("\"path\":\"/models/operatorai-model-store/fraud/"), std::string::npos) << text;
}

}  // namespace
}  // namespace modelfs
