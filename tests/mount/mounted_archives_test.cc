// mount/SEMANTICS.md, "Archives": what is written under an archive's name, and what is read there.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "mount/mounted.h"

namespace modelfs {
namespace {

// A model on another file system, packed by GNU tar.
class Archive : public Mounted {
 protected:
  void SetUp() override {
    Mounted::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    source_ = local_.path() + "/model";
    make_model(source_);
    ASSERT_FALSE(HasFatalFailure());
    const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
    ASSERT_EQ(error(::utimensat(AT_FDCWD, (source_ + "/weights").c_str(), times, 0)), 0);
    pack(good());
    const std::string bytes = read_file(good());
    write_file(truncated(), bytes.substr(0, bytes.size() / 2));
  }
  void pack(const std::string& path) const {
    const Outcome packed = run("tar czf '" + path + "' -C '" + source_ + "' .");
    ASSERT_EQ(packed.exit_code, 0) << packed.output;
  }
  std::string good() const { return local_.path() + "/good.tar.gz"; }
  std::string truncated() const { return local_.path() + "/truncated.tar.gz"; }
  std::string refused(const std::string& name) const {
    return mount().point() + "/.modelfs/drafts/" + domain_name() + "/" + name;
  }
  // Runs a line in which $G is a good archive, $T a truncated one, $S the model and $M the domain.
  Outcome shell(const std::string& line) const {
    return run("G='" + good() + "'; T='" + truncated() + "'; S='" + source_ + "'; M='" + domain() + "'; " + line);
  }
  void expect_model(const std::string& version, const std::string& suffix = ".tar.gz") const {
    EXPECT_EQ(describe_tree(at(version), Detail::Content), describe_tree(source_, Detail::Content));
    EXPECT_EQ(names_in(domain()), (std::vector<std::string>{version, version + suffix, "latest"}));
  }
  // The line publishes 1.0.tar.gz, and says nothing.
  void publishes(const std::string& line) const {
    const Outcome outcome = shell(line);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    expect_model("1.0");
  }
  // The line fails with this code, nothing is published, and the bytes are kept.
  void fails(const std::string& line, int exit_code, const std::string& says) const {
    const Outcome outcome = shell(line);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.output;
    EXPECT_NE(outcome.output.find(says), std::string::npos) << outcome.output;
    EXPECT_FALSE(exists(at("1.0")));
    EXPECT_FALSE(exists(at("1.0.tar.gz")));
    EXPECT_EQ(read_file(refused("1.0.tar.gz")), read_file(truncated()));
  }

  TemporaryDirectory local_;
  std::string source_;
};

// In.

TEST_F(Archive, ThatIsCopiedInIsARelease) {
  publishes("cp $G $M/1.0.tar.gz");

  EXPECT_EQ(stat_of(at("1.0/weights")).st_mtim.tv_sec, 1'000'000'000);
  EXPECT_EQ(permissions(stat_of(at("1.0/run.sh"))), 0555u);
  EXPECT_EQ(link_target(at("1.0/variables/link")), "../weights");
}

TEST_F(Archive, GivesItsVeryBytesBack) {
  publishes("cp $G $M/1.0.tar.gz");

  EXPECT_EQ(read_file(at("1.0.tar.gz")), read_file(good()));
  EXPECT_EQ(stat_of(at("1.0.tar.gz")).st_size, stat_of(good()).st_size);
  EXPECT_EQ(read_file(at("latest.tar.gz")), read_file(good()));
}

TEST_F(Archive, OfEveryFormatIsTaken) {
  NEEDS("zip");
  NEEDS("zstd");
  const Outcome outcome = shell(
      "set -e; cd $S; tar cf $M/a.tar .; tar czf $M/b.tgz .; tar c . | zstd -q > $M/c.tar.zst;"
      " zip -qry $S.zip .; cp $S.zip $M/d.zip; cp $S.zip $M/e.4ml");

  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  for (const char* version : {"a", "b", "c", "d", "e"}) {
    EXPECT_EQ(describe_tree(at(version), Detail::Content), describe_tree(source_, Detail::Content)) << version;
  }
}

TEST_F(Archive, MustBeWhatItsNameSays) {
  const Outcome outcome = shell("cp $G $M/1.0.zip");

  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_FALSE(exists(at("1.0")));
  EXPECT_NE(text_attribute(refused("1.0.zip"), "user.modelfs.error").find("gzip"), std::string::npos);
}

TEST_F(Archive, IsTakenFromInstall) { publishes("install $G $M/1.0.tar.gz"); }
TEST_F(Archive, IsTakenFromMv) { publishes("cp $G $G.2; mv $G.2 $M/1.0.tar.gz"); }
TEST_F(Archive, IsTakenFromCat) { publishes("cat $G > $M/1.0.tar.gz"); }
TEST_F(Archive, IsTakenFromTwoCatsInARow) {
  publishes("head -c 1000 $G > $G.a; tail -c +1001 $G > $G.b; (cat $G.a; cat $G.b) > $M/1.0.tar.gz");
}
TEST_F(Archive, IsTakenFromTwoCatsOfWhichTheSecondNeedsTheFirst) {
  publishes("head -c 1000 $G > $G.a; tail -c +1001 $G > $G.b; (cat $G.a && cat $G.b) > $M/1.0.tar.gz");
}
TEST_F(Archive, IsTakenFromTar) { publishes("tar czf $M/1.0.tar.gz -C $S ."); }
TEST_F(Archive, IsTakenFromAPipeOfTarAndGzip) { publishes("tar c -C $S . | gzip > $M/1.0.tar.gz"); }
TEST_F(Archive, IsTakenFromDd) { publishes("dd status=none if=$G of=$M/1.0.tar.gz bs=4k"); }
TEST_F(Archive, IsTakenFromDdWithFsync) { publishes("dd status=none if=$G of=$M/1.0.tar.gz conv=fsync"); }
TEST_F(Archive, IsTakenFromTee) { publishes("tee $M/1.0.tar.gz < $G > /dev/null"); }
TEST_F(Archive, IsTakenFromRsync) {
  NEEDS("rsync");
  publishes("rsync -a $G $M/1.0.tar.gz");
}
TEST_F(Archive, OfATarHasTheExtendedAttributesOfItsFilesInAndOut) {
  make_draft("x", {{"f", "abc"}, {"sub/", ""}});
  ASSERT_TRUE(set_attribute(stage("x/f"), "user.licence", "mit"));
  ASSERT_TRUE(set_attribute(stage("x/sub"), "user.sub", std::string_view("a\0b", 3)));
  ASSERT_EQ(error(::rename(stage("x").c_str(), at("1.0").c_str())), 0);

  const Outcome copied = shell(
      "set -e; cp $M/1.0.tar $M/1.1.tar; cp $M/1.0.tar.gz $M/1.2.tar.gz; mkdir $S.x; tar --xattrs -xf $M/1.0.tar -C "
      "$S.x;"
      " tar --xattrs -C $M/1.0 -cf $M/1.3.tar .");

  ASSERT_EQ(copied.exit_code, 0) << copied.output;
  for (const std::string& root : {at("1.1"), at("1.2"), at("1.3"), source_ + ".x"}) {
    EXPECT_EQ(text_attribute(root + "/f", "user.licence"), "mit") << root;
    EXPECT_EQ(text_attribute(root + "/sub", "user.sub"), std::string("a\0b", 3)) << root;
  }
}
TEST_F(Archive, ThatIsMirroredAgainIsFoundUnchanged) {
  NEEDS("rsync");
  const std::string mirror =
      "touch -d 2024-01-02T03:04:05 $G; mkdir -p $S.d; cp -p $G $S.d/1.0.tar.gz; rsync -ai $S.d/ $M/ | grep '^>f' || "
      "true";
  EXPECT_EQ(shell(mirror).output.substr(0, 2), ">f");
  EXPECT_EQ(nanoseconds(stat_of(at("1.0.tar.gz")).st_mtim), nanoseconds(stat_of(good()).st_mtim));

  EXPECT_EQ(shell(mirror).output, "");
}
TEST_F(Archive, KeepsItsTimeWhoeverSetsAnotherAfterItsClose) {
  ASSERT_EQ(shell("cp $G $M/1.0.tar.gz").exit_code, 0);
  const auto published = nanoseconds(stat_of(at("1.0.tar.gz")).st_mtim);

  EXPECT_EQ(shell("touch -d 2024-01-02T03:04:05 $M/1.0.tar.gz").exit_code, 0);

  EXPECT_EQ(nanoseconds(stat_of(at("1.0.tar.gz")).st_mtim), published);
}
TEST_F(Archive, IsTakenFromRsyncInPlace) {
  NEEDS("rsync");
  publishes("rsync --inplace $G $M/1.0.tar.gz");
}
TEST_F(Archive, IsTakenFromAFinishedPart) {
  publishes("cp $G $M/1.0.tar.gz.part && mv $M/1.0.tar.gz.part $M/1.0.tar.gz");
}
TEST_F(Archive, IsTakenFromPython) {
  NEEDS("python3");
  publishes("python3 -c \"import shutil,sys; shutil.copy2(sys.argv[1], sys.argv[2])\" $G $M/1.0.tar.gz");
}
TEST_F(Archive, IsTakenFromPythonsTarfile) {
  NEEDS("python3");
  publishes(
      "python3 -c \"import tarfile,sys; t = tarfile.open(sys.argv[2], 'w:gz'); t.add(sys.argv[1], '.'); t.close()\""
      " $S $M/1.0.tar.gz");
}
TEST_F(Archive, IsTakenFromAProcessWhoseChildEndsFirst) {
  NEEDS("python3");
  publishes(
      "python3 -c \"\n"
      "import os, sys\n"
      "bytes = open(sys.argv[1], 'rb').read()\n"
      "file = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT)\n"
      "os.write(file, bytes[:1000])\n"
      "child = os.fork()\n"
      "if child == 0: os._exit(0)\n"
      "os.waitpid(child, 0)\n"
      "os.write(file, bytes[1000:])\n"
      "os.close(file)\n\" $G $M/1.0.tar.gz");
}
TEST_F(Archive, IsTakenFromAChildThatGoesOnAfterItsParentHasClosed) {
  NEEDS("python3");
  publishes(
      "python3 -c \"\n"
      "import subprocess, sys\n"
      "with open(sys.argv[2], 'wb') as file:\n"
      "    child = subprocess.Popen(['cat', sys.argv[1]], stdout=file)\n"
      "child.wait()\n\" $G $M/1.0.tar.gz");
}

TEST_F(Archive, ThatIsTruncatedFailsCp) { fails("cp $T $M/1.0.tar.gz", 1, "failed to close"); }
TEST_F(Archive, ThatIsTruncatedFailsInstall) { fails("install $T $M/1.0.tar.gz", 1, "failed to close"); }
TEST_F(Archive, ThatIsTruncatedFailsCat) {
  NEEDS("bash");
  fails("bash -c 'cat $1 > $2' - $T $M/1.0.tar.gz", 1, "Bad message");
}
TEST_F(Archive, ThatIsTruncatedIsNotPublishedByAShellThatClosesLast) {
  fails("python3 -c \"import os, sys; os.write(1, open(sys.argv[1], 'rb').read())\" $T > $M/1.0.tar.gz; true", 0, "");
  EXPECT_NE(read_file(mount().point() + "/.modelfs/events").find("upload_refused"), std::string::npos);
}
TEST_F(Archive, ThatIsTruncatedFailsDd) { fails("dd status=none if=$T of=$M/1.0.tar.gz", 1, "closing output file"); }
TEST_F(Archive, ThatIsTruncatedFailsTee) { fails("tee $M/1.0.tar.gz < $T > /dev/null", 1, "Bad message"); }
TEST_F(Archive, ThatIsTruncatedFailsPython) {
  NEEDS("python3");
  fails("python3 -c \"import shutil,sys; shutil.copy(sys.argv[1], sys.argv[2])\" $T $M/1.0.tar.gz", 1, "Bad message");
}
TEST_F(Archive, ThatIsTruncatedFailsTheRenameOfAFinishedPart) {
  const Outcome outcome = shell("cp $T $M/1.0.tar.gz.part && mv $M/1.0.tar.gz.part $M/1.0.tar.gz");

  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.output.find("Bad message"), std::string::npos) << outcome.output;
  EXPECT_EQ(read_file(at("1.0.tar.gz.part")), read_file(truncated()));
  EXPECT_FALSE(exists(at("1.0")));
}
TEST_F(Archive, ThatIsTruncatedFailsRsync) {
  NEEDS("rsync");
  const Outcome outcome = shell("rsync $T $M/1.0.tar.gz");

  EXPECT_EQ(outcome.exit_code, 23) << outcome.output;
  EXPECT_NE(outcome.output.find("Bad message"), std::string::npos) << outcome.output;
  EXPECT_EQ(names_in(domain()), std::vector<std::string>());
}

TEST_F(Archive, ThatWasRefusedSaysWhyAndFreesItsName) {
  ASSERT_EQ(shell("cp $T $M/1.0.tar.gz").exit_code, 1);

  EXPECT_NE(text_attribute(refused("1.0.tar.gz"), "user.modelfs.error").find("truncated"), std::string::npos);
  publishes("cp $G $M/1.0.tar.gz");
  EXPECT_EQ(error(::unlink(refused("1.0.tar.gz").c_str())), 0);
}

TEST_F(Archive, ThatWasRefusedCanBePublishedOnceItIsMended) {
  ASSERT_EQ(shell("cp $T $M/1.0.tar.gz").exit_code, 1);
  const std::string bytes = read_file(good());
  const File file = open_file(refused("1.0.tar.gz"), O_WRONLY | O_APPEND);
  const std::string rest = bytes.substr(bytes.size() / 2);
  ASSERT_EQ(::write(file.fd(), rest.data(), rest.size()), static_cast<ssize_t>(rest.size()));
  ASSERT_EQ(error(::close(::dup(file.fd()))), 0);

  const_cast<File&>(file).reset();
  ASSERT_EQ(error(::rename(refused("1.0.tar.gz").c_str(), at("1.0.tar.gz").c_str())), 0);

  expect_model("1.0");
}

TEST_F(Archive, OfAKilledWriterIsNotPublished) {
  const std::string bytes = read_file(good());
  {
    Holder writer([&] {
      const int fd = ::open(at("1.0.tar.gz").c_str(), O_WRONLY | O_CREAT, 0644);
      return fd >= 0 && ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
    });
    ASSERT_TRUE(writer.holds());
    ::kill(writer.pid(), SIGKILL);
  }

  EXPECT_FALSE(exists(at("1.0")));
  EXPECT_EQ(read_file(refused("1.0.tar.gz")), bytes);
}

TEST_F(Archive, IsItsWritersOwnUntilItIsPublished) {
  const File file = open_file(at("1.0.tar.gz"), O_WRONLY | O_CREAT);
  ASSERT_EQ(::write(file.fd(), "abc", 3), 3);

  EXPECT_EQ(stat_of(at("1.0.tar.gz")).st_size, 3);
  EXPECT_EQ(in_child([&] { return exists(at("1.0.tar.gz")) ? 1 : 0; }), 0);
  EXPECT_EQ(names_in(domain()), std::vector<std::string>());
}

TEST_F(Archive, ThatStaysEmptyIsNothing) {
  EXPECT_EQ(shell(": > $M/1.0.tar.gz").exit_code, 0);
  EXPECT_EQ(shell("touch $M/1.0.tar.gz").exit_code, 0);

  EXPECT_FALSE(exists(at("1.0.tar.gz")));
  publishes("cp $G $M/1.0.tar.gz");
}

TEST_F(Archive, OfAPublishedVersionIsEexist) {
  publishes("cp $G $M/1.0.tar.gz");

  EXPECT_EQ(error(::open(at("1.0.tar.gz").c_str(), O_WRONLY | O_TRUNC)), unless_root(EEXIST));
  EXPECT_EQ(error(::open(at("1.0.tar.zst").c_str(), O_WRONLY | O_CREAT, 0644)), EEXIST);
}

TEST_F(Archive, OfWhichTwoAreWrittenAtOnceIsPublishedOnce) {
  const std::string bytes = read_file(good());
  write_file(source_ + "/more", "other content");
  pack(truncated());
  const std::string others = read_file(truncated());
  File first = open_file(at("1.0.tar.gz"), O_WRONLY | O_CREAT);
  const int rival = in_child([&] {
    const int fd = ::open(at("1.0.tar.gz").c_str(), O_WRONLY | O_CREAT, 0644);
    if (fd < 0 || ::write(fd, others.data(), others.size()) != static_cast<ssize_t>(others.size())) return 1;
    return ::close(fd) == 0 ? 0 : 2;
  });
  ASSERT_EQ(rival, 0);
  ASSERT_EQ(::write(first.fd(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));

  EXPECT_EQ(error(::close(first.release())), EEXIST);

  EXPECT_EQ(read_file(at("1.0.tar.gz")), others);
  EXPECT_EQ(read_file(refused("1.0.tar.gz")), bytes);
}

TEST_F(Archive, ThatWasPublishedCannotBeWrittenThroughAnOldDescriptor) {
  const std::string bytes = read_file(good());
  const File file = open_file(at("1.0.tar.gz"), O_RDWR | O_CREAT);
  ASSERT_EQ(::write(file.fd(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  void* const memory = ::mmap(nullptr, bytes.size(), PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(in_child([&] { return ::close(file.fd()) == 0 ? 0 : 1; }), 0);  // we write still: nothing is decided
  ASSERT_FALSE(exists(at("1.0")));
  ASSERT_EQ(in_child([&] {
              const int fd = ::open(at("1.0.tar.gz").c_str(), O_WRONLY | O_CREAT, 0644);
              return fd >= 0 && ::write(fd, bytes.data(), bytes.size()) > 0 && ::close(fd) == 0 ? 0 : 1;
            }),
            0);
  const int copy = ::dup(file.fd());
  const_cast<File&>(file).reset();
  (void)::close(copy);
  static_cast<char*>(memory)[0] = 'x';
  (void)::msync(memory, bytes.size(), MS_SYNC);

  EXPECT_EQ(::munmap(memory, bytes.size()), 0);
  EXPECT_EQ(read_file(at("1.0.tar.gz")), bytes);
}

TEST_F(Archive, CanBeAGeneration) {
  publish("1.0", {{"code", "x"}});

  ASSERT_EQ(shell("cp $G $M/1.0/1.tar.gz && cp $G $M/1.0/next.tar.gz").exit_code, 0);

  EXPECT_EQ(describe_tree(at("1.0/2"), Detail::Content), describe_tree(source_, Detail::Content));
  EXPECT_EQ(read_file(at("1.0/1.tar.gz")), read_file(good()));
  EXPECT_EQ(error(::open(at("1.0/7.tar.gz").c_str(), O_WRONLY | O_CREAT, 0644)), ERANGE);
}

TEST_F(Archive, CanBePutByCommand) {
  const Outcome outcome = modelfs("put '" + good() + "' '" + at("1.0") + "'");

  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  expect_model("1.0");
  EXPECT_EQ(read_file(at("1.0.tar.gz")), read_file(good()));
  EXPECT_EQ(modelfs("put '" + good() + "' '" + at("1.0") + "'").exit_code, 0);
  EXPECT_NE(modelfs("put '" + truncated() + "' '" + at("2.0") + "'").exit_code, 0);
  EXPECT_FALSE(exists(at("2.0")));
}

TEST_F(Archive, SurvivesTheTrash) {
  publishes("cp $G $M/1.0.tar.gz");

  ASSERT_EQ(error(::rename(at("1.0").c_str(), trash("1.0").c_str())), 0);
  EXPECT_FALSE(exists(at("1.0.tar.gz")));
  ASSERT_EQ(error(::rename(trash("1.0").c_str(), at("1.0").c_str())), 0);

  EXPECT_EQ(read_file(at("1.0.tar.gz")), read_file(good()));
}

// Out.

TEST_F(Archive, OfAReleaseThatCameAsFilesIsMadeWhileItIsRead) {
  NEEDS("unzip");
  ASSERT_EQ(shell("cp -a $S $M/.stage/x && mv $M/.stage/x $M/1.0").exit_code, 0);

  EXPECT_EQ(names_in(domain()), (std::vector<std::string>{"1.0", "latest"}));
  const Outcome outcome = shell(
      "set -e; cd $S/..; mkdir t g z; tar xf $M/1.0.tar -C t; tar xzf $M/latest.tar.gz -C g; gzip -t < $M/1.0.tar.gz;"
      " unzip -q $M/1.0.zip -d z");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  for (const char* unpacked : {"t", "g", "z"}) {
    EXPECT_EQ(describe_tree(local_.path() + "/" + unpacked, Detail::Content), describe_tree(source_, Detail::Content));
    EXPECT_EQ(stat_of(local_.path() + "/" + unpacked + "/weights").st_mtim.tv_sec, 1'000'000'000);
    EXPECT_EQ(permissions(stat_of(local_.path() + "/" + unpacked + "/run.sh")), 0755u);
  }
}

TEST_F(Archive, ThatIsMadeHasItsSizeBeforeItIsRead) {
  publish("1.0", {{"weights", pattern(100'000)}, {"sub/", ""}});

  for (const char* name : {"1.0.tar", "1.0.tar.gz", "1.0.zip"}) {
    const struct stat info = stat_of(at(name));
    EXPECT_EQ(read_file(at(name)).size(), static_cast<std::size_t>(info.st_size)) << name;
    EXPECT_EQ(info.st_blocks, (info.st_size + 511) / 512) << name;
  }
}

TEST_F(Archive, ThatIsMadeIsReadAtRandom) {
  publish("1.0", {{"a", pattern(200'000, 1)}, {"b", pattern(70'000, 2)}, {"c", ""}});

  for (const char* name : {"1.0.tar", "1.0.tar.gz", "1.0.zip"}) {
    const std::string whole = read_file(at(name));
    const File file = open_file(at(name), O_RDONLY);
    std::size_t offset = whole.size();
    for (int i = 0; i < 200; ++i) {
      offset = (offset * 1'103'515'245 + 12'345) % whole.size();
      std::string part(1 + offset % 9'000, '\0');
      const ssize_t got = ::pread(file.fd(), part.data(), part.size(), static_cast<off_t>(offset));
      ASSERT_GE(got, 0);
      part.resize(static_cast<std::size_t>(got));
      ASSERT_EQ(part, whole.substr(offset, part.size())) << name << " at " << offset;
    }
  }
}

TEST_F(Archive, ThatIsMadeFromADamagedDiskIsEio) {
  Mount own;
  ASSERT_EQ(own.start("no_passthrough"), "");
  const std::string domain = own.point() + "/churn";
  make_directory(domain);
  make_directory(domain + "/.stage/x");
  write_file(domain + "/.stage/x/weights", pattern(4'000'000));
  ASSERT_EQ(error(::rename((domain + "/.stage/x").c_str(), (domain + "/1.0").c_str())), 0);
  const File open_before = open_file(domain + "/1.0.tar.gz", O_RDONLY);
  const File weights = open_file(domain + "/1.0/weights", O_RDONLY);
  std::string bytes(1 << 20, '\0');
  ASSERT_EQ(::pread(open_before.fd(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));

  // As a disk does that has lost what comes behind.
  ASSERT_EQ(run("truncate -s 2000000 '" + own.store() + "'/blobs/[0-9a-f]*/*").exit_code, 0);

  EXPECT_EQ(error(::pread(open_before.fd(), bytes.data(), bytes.size(), 3'500'000)), EIO);
  ASSERT_EQ(::posix_fadvise(weights.fd(), 0, 0, POSIX_FADV_DONTNEED), 0);  // what it was written as is still cached
  EXPECT_EQ(error(::pread(weights.fd(), bytes.data(), bytes.size(), 3'500'000)), EIO);
  EXPECT_EQ(names_in(domain + "/1.0"), std::vector<std::string>{"weights"}) << "the daemon lives";
}

TEST_F(Archive, ThatIsMadeIsTheSameEveryTime) {
  publish("1.0", {{"weights", "abc"}});
  const std::string first = read_file(at("1.0.tar.gz"));
  write_file(at("1.0.json").substr(0, at("1.0.json").size() - 5) + "/../note.txt", "x");

  publish("1.0/1", {{"state", "later"}});

  EXPECT_EQ(read_file(at("1.0.tar.gz")), first);
}

TEST_F(Archive, OfAReleaseHoldsTheGenerationsThatCameWithIt) {
  publish("1.0", {{"1/", ""}, {"1/model", "a"}, {"2/", ""}, {"2/model", "b"}});

  const Outcome outcome = run("tar tf '" + at("1.0.tar") + "'");

  EXPECT_EQ(outcome.output, "1/\n1/model\n2/\n2/model\n");
  EXPECT_EQ(run("tar tf '" + at("1.0/2.tar") + "'").output, "model\n");
}

TEST_F(Archive, CannotBeWrittenOrRemoved) {
  publish("1.0", {{"weights", "abc"}});

  EXPECT_EQ(error(::open(at("1.0.tar").c_str(), O_WRONLY)), unless_root(EEXIST));
  EXPECT_EQ(error(::unlink(at("1.0.tar").c_str())), EROFS);
  EXPECT_EQ(error(::truncate(at("1.0.tar").c_str(), 0)), unless_root(EROFS));
}

TEST_F(Archive, CanBeGotByCommand) {
  NEEDS("zstd");
  ASSERT_EQ(shell("cp -a $S $M/.stage/x && mv $M/.stage/x $M/1.0").exit_code, 0);

  const std::string out = local_.path() + "/out";
  for (const char* suffix : {".tar", ".tar.gz", ".zip", ".tar.zst"}) {
    const Outcome got = modelfs("get '" + at("1.0") + "' '" + out + suffix + "'");
    EXPECT_EQ(got.exit_code, 0) << got.output;
  }

  EXPECT_EQ(read_file(out + ".tar.gz"), read_file(at("1.0.tar.gz")));
  const Outcome outcome = run("cd '" + local_.path() + "' && mkdir u && zstd -dc out.tar.zst | tar x -C u");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_EQ(describe_tree(local_.path() + "/u", Detail::Content), describe_tree(source_, Detail::Content));
}

// A mount of its own, where no other archives wait to be looked at.
class Recipe : public Archive {};

TEST_F(Recipe, IsKeptWhereItMakesTheSameBytes) {
  // Not compressed: finding out how costs next to nothing then, also at the lowest priority of a busy machine.
  ASSERT_EQ(shell("tar cf $G -C $S . && cp $G $M/1.0.tar").exit_code, 0);
  const std::string status = "status --json '" + mount().point() + "'";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(200);
  while (modelfs(status).output.find("\"waiting\": 0") == std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }

  EXPECT_EQ(modelfs(status).output.find("\"recipes\": 0"), std::string::npos) << modelfs(status).output;
  EXPECT_EQ(read_file(at("1.0.tar")), read_file(good()));
  EXPECT_EQ(modelfs("verify '" + domain() + "'").exit_code, 0);
}

}  // namespace
}  // namespace modelfs
