// mount/SEMANTICS.md, "Publishing": what those see who hold something of a draft while it is published.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "mount/mounted.h"

namespace modelfs {
namespace {

class Commit : public Mounted {
 protected:
  void SetUp() override {
    Mounted::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) make_draft("x", {{"weights", bytes_}, {"sub/", ""}, {"sub/small", "abc"}});
  }
  int commit(const std::string& version = "1.0") const {
    return error(::rename(stage("x").c_str(), at(version).c_str()));
  }
  const std::string bytes_ = pattern(300'000);
};

std::string read_at_offset(const File& file, std::size_t size, off_t offset) {
  std::string bytes(size, '\0');
  const ssize_t got = ::pread(file.fd(), bytes.data(), size, offset);
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes;
}

TEST_F(Commit, ThroughTheSocketItIsSeenAtOnce) {
  const File directory = open_file(domain(), O_RDONLY | O_DIRECTORY);
  ASSERT_FALSE(exists(at("1.0")));
  ASSERT_FALSE(exists(at("latest")));
  ASSERT_EQ(permissions(stat_of(stage("x/weights"))), 0644u);
  const ino_t number = stat_of(stage("x")).st_ino;

  ASSERT_EQ(modelfs("commit '" + stage("x") + "' '" + at("1.0") + "'").exit_code, 0);

  EXPECT_FALSE(exists(stage("x")));
  EXPECT_EQ(stat_of(at("1.0")).st_ino, number);
  EXPECT_EQ(permissions(stat_of(at("1.0/weights"))), 0444u);
  EXPECT_EQ(permissions(stat_of(at("1.0/sub"))), permissions(stat_of(domain())));
  EXPECT_EQ(read_file(at("latest/weights")), bytes_);
  EXPECT_EQ(names_in(domain()), (std::vector<std::string>{"1.0", "latest"}));
  EXPECT_EQ(error(::faccessat(directory.fd(), "1.0/sub/small", R_OK, 0)), 0);

  const std::string source = mount().store() + "/../source";
  make_directory(source);
  write_file(source + "/weights", "new");
  ASSERT_EQ(modelfs("put '" + source + "' '" + at("1.1") + "'").exit_code, 0);

  EXPECT_EQ(link_target(at("latest")), "1.1");
  EXPECT_EQ(read_file(at("latest/weights")), "new");
  EXPECT_EQ(in_child([&] { return link_target(at("latest")) == "1.1" && exists(at("1.1/weights")) ? 0 : 1; }), 0);
  ASSERT_EQ(modelfs("rm '" + at("1.1") + "'").exit_code, 0);
  EXPECT_EQ(link_target(at("latest")), "1.0");
  EXPECT_FALSE(exists(at("1.1/weights")));
}

TEST_F(Commit, AReadingDescriptorGoesOn) {
  const File file = open_file(stage("x/weights"), O_RDONLY);

  ASSERT_EQ(commit(), 0);

  EXPECT_EQ(read_at_offset(file, bytes_.size(), 0), bytes_);
  struct stat info {};
  ASSERT_EQ(error(::fstat(file.fd(), &info)), 0);
  EXPECT_EQ(permissions(info), 0444u);
  EXPECT_EQ(info.st_ino, stat_of(at("1.0/weights")).st_ino);
}

TEST_F(Commit, AReadingMappingGoesOn) {
  const File file = open_file(stage("x/weights"), O_RDONLY);
  void* const memory = ::mmap(nullptr, bytes_.size(), PROT_READ, MAP_SHARED, file.fd(), 0);
  ASSERT_NE(memory, MAP_FAILED);

  ASSERT_EQ(commit(), 0);

  EXPECT_EQ(std::string(static_cast<const char*>(memory), bytes_.size()), bytes_);
  ASSERT_EQ(error(::madvise(memory, bytes_.size(), MADV_DONTNEED)), 0);
  EXPECT_EQ(std::string(static_cast<const char*>(memory), bytes_.size()), bytes_);
  ::munmap(memory, bytes_.size());
}

TEST_F(Commit, AnOpenDirectoryGoesOn) {
  const File directory = open_file(stage("x"), O_RDONLY | O_DIRECTORY);

  ASSERT_EQ(commit(), 0);

  const File file(::openat(directory.fd(), "sub/small", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(file.valid());
  EXPECT_EQ(read_at_offset(file, 10, 0), "abc");
  EXPECT_EQ(names_in("/proc/self/fd/" + std::to_string(directory.fd())), (std::vector<std::string>{"sub", "weights"}));
  EXPECT_EQ(error(::openat(directory.fd(), "new", O_WRONLY | O_CREAT, 0644)), EROFS);
}

TEST_F(Commit, AWorkingDirectoryGoesOn) {
  ASSERT_EQ(error(::chdir(stage("x/sub").c_str())), 0);

  EXPECT_EQ(commit(), 0);

  EXPECT_EQ(read_file("small"), "abc");
  EXPECT_EQ(std::filesystem::current_path().string(), at("1.0/sub"));
  ASSERT_EQ(error(::chdir("/")), 0);
}

TEST_F(Commit, ModesAreRightAtOnce) {
  ASSERT_EQ(error(::chmod(domain().c_str(), 0750)), 0);
  ASSERT_EQ(error(::chmod(stage("x/weights").c_str(), 0751)), 0);
  ASSERT_EQ(error(::chmod(stage("x/sub").c_str(), 0700)), 0);
  (void)describe_tree(stage("x"), Detail::Everything);  // the kernel knows all of it now

  ASSERT_EQ(commit(), 0);

  EXPECT_EQ(permissions(stat_of(at("1.0"))), 0750u);
  EXPECT_EQ(permissions(stat_of(at("1.0/sub"))), 0750u);
  EXPECT_EQ(permissions(stat_of(at("1.0/weights"))), 0551u);
  EXPECT_EQ(permissions(stat_of(at("1.0/sub/small"))), 0440u) << "the domain's read bits";
}

TEST_F(Commit, ModesAreRightAtOnceForOthers) {
  const auto mode = [&](const std::string& path) {
    return in_child([&] {
      struct stat info {};
      return ::stat(path.c_str(), &info) == 0 ? static_cast<int>((info.st_mode & 0700) >> 6) : 99;
    });
  };
  ASSERT_EQ(mode(stage("x/weights")), 6);

  ASSERT_EQ(commit(), 0);

  EXPECT_EQ(mode(at("1.0/weights")), 4);
  EXPECT_EQ(mode(stage("x/weights")), 99);
}

TEST_F(Commit, NumbersTimesAndSizesOfFilesStay) {
  const timespec times[2] = {{1'000'000'000, 5}, {1'000'000'000, 123'456'789}};
  ASSERT_EQ(error(::utimensat(AT_FDCWD, stage("x/weights").c_str(), times, 0)), 0);
  ASSERT_EQ(error(::utimensat(AT_FDCWD, stage("x/sub").c_str(), times, 0)), 0);
  const struct stat before = stat_of(stage("x/weights"));
  const struct stat directory = stat_of(stage("x"));

  ASSERT_EQ(commit(), 0);

  const struct stat after = stat_of(at("1.0/weights"));
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(after.st_size, before.st_size);
  EXPECT_EQ(after.st_blocks, before.st_blocks);
  EXPECT_EQ(nanoseconds(after.st_mtim), nanoseconds(times[1]));
  EXPECT_EQ(nanoseconds(stat_of(at("1.0/sub")).st_mtim), nanoseconds(times[1]));
  EXPECT_EQ(stat_of(at("1.0")).st_ino, directory.st_ino);
}

TEST_F(Commit, AnOpenWriterIsEbusyAndLaterItIsFine) {
  {
    const Holder writer([&] { return ::open(stage("x/sub/small").c_str(), O_WRONLY) >= 0; });
    ASSERT_TRUE(writer.holds());
    EXPECT_EQ(commit(), EBUSY);
    const std::string why = text_attribute(stage("x"), "user.modelfs.error");
    EXPECT_NE(why.find("sub/small"), std::string::npos) << why;
    EXPECT_NE(why.find(std::to_string(writer.pid())), std::string::npos) << why;
    EXPECT_FALSE(exists(at("1.0")));
    write_file(stage("x/more"), "the draft goes on");
  }

  EXPECT_EQ(commit(), 0);
  EXPECT_EQ(read_file(at("1.0/more")), "the draft goes on");
}

TEST_F(Commit, ASharedWritableMappingIsEbusy) {
  void* memory = nullptr;
  {
    const File file = open_file(stage("x/sub/small"), O_RDWR);
    memory = ::mmap(nullptr, 3, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
    ASSERT_NE(memory, MAP_FAILED);
  }

  EXPECT_EQ(commit(), EBUSY);
  static_cast<char*>(memory)[0] = 'X';
  ASSERT_EQ(error(::munmap(memory, 3)), 0);
  EXPECT_EQ(commit(), 0);
  EXPECT_EQ(read_file(at("1.0/sub/small")), "Xbc");
}

TEST_F(Commit, ADuplicatedWritingDescriptorIsEbusy) {
  const File file = open_file(stage("x/sub/small"), O_WRONLY);
  ASSERT_EQ(error(::close(::dup(file.fd()))), 0);

  EXPECT_EQ(commit(), EBUSY);
  EXPECT_EQ(::pwrite(file.fd(), "ABC", 3, 0), 3);
  EXPECT_EQ(read_file(stage("x/sub/small")), "ABC");
}

TEST_F(Commit, NothingIsWrittenAfterIt) {
  const File reader = open_file(stage("x/weights"), O_RDONLY);
  ASSERT_EQ(commit(), 0);

  EXPECT_EQ(error(::open(at("1.0/weights").c_str(), O_WRONLY)), unless_root(EROFS));
  EXPECT_EQ(error(::open(at("1.0/weights").c_str(), O_RDWR)), unless_root(EROFS));
  EXPECT_EQ(error(::truncate(at("1.0/weights").c_str(), 0)), unless_root(EROFS));
  EXPECT_EQ(error(::open(("/proc/self/fd/" + std::to_string(reader.fd())).c_str(), O_RDWR)), unless_root(EROFS));
  EXPECT_EQ(::mmap(nullptr, 3, PROT_WRITE, MAP_SHARED, reader.fd(), 0), MAP_FAILED);
  EXPECT_EQ(read_file(at("1.0/weights")), bytes_);
}

TEST_F(Commit, NamesInsideNeverChangeAfterIt) {
  ASSERT_EQ(commit(), 0);

  EXPECT_EQ(error(::unlink(at("1.0/weights").c_str())), EROFS);
  EXPECT_EQ(error(::rmdir(at("1.0/sub").c_str())), EROFS);
  EXPECT_EQ(error(::mkdir(at("1.0/sub/new").c_str(), 0755)), EROFS);
  EXPECT_EQ(error(::open(at("1.0/new").c_str(), O_WRONLY | O_CREAT, 0644)), EROFS);
  EXPECT_EQ(error(::symlink("x", at("1.0/sub/new").c_str())), EROFS);
  EXPECT_EQ(error(::link(at("1.0/weights").c_str(), stage("weights").c_str())), EPERM);
}

TEST_F(Commit, ChmodAndTimesAfterItSucceedAndChangeNothing) {
  ASSERT_EQ(commit(), 0);
  const struct stat before = stat_of(at("1.0/weights"));
  const timespec times[2] = {{5, 0}, {5, 0}};

  EXPECT_EQ(error(::chmod(at("1.0/weights").c_str(), 0777)), 0);
  EXPECT_EQ(error(::utimensat(AT_FDCWD, at("1.0/weights").c_str(), times, 0)), 0);
  EXPECT_EQ(error(::chown(at("1.0/weights").c_str(), ::getuid(), ::getgid())), 0);
  EXPECT_EQ(error(::chmod(at("1.0/sub").c_str(), 0700)), 0);

  EXPECT_EQ(permissions(stat_of(at("1.0/weights"))), permissions(before));
  EXPECT_EQ(nanoseconds(stat_of(at("1.0/weights")).st_mtim), nanoseconds(before.st_mtim));
  EXPECT_EQ(permissions(stat_of(at("1.0/sub"))), 0755u);
}

TEST_F(Commit, ADuplicateBlobIsFineWhileTheDraftIsOpen) {
  const std::string other = mount().point() + "/AnotherDomain";
  make_directory(other);
  ASSERT_EQ(
      run("cp -r '" + stage("x") + "' '" + other + "/.stage/y' && mv -T '" + other + "/.stage/y' '" + other + "/1.0'")
          .output,
      "");
  const File file = open_file(stage("x/weights"), O_RDONLY);
  void* const memory = ::mmap(nullptr, bytes_.size(), PROT_READ, MAP_SHARED, file.fd(), 0);
  ASSERT_NE(memory, MAP_FAILED);

  ASSERT_EQ(commit(), 0);

  ASSERT_EQ(error(::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED)), 0);
  EXPECT_EQ(read_at_offset(file, bytes_.size(), 0), bytes_);
  EXPECT_EQ(std::string(static_cast<const char*>(memory), bytes_.size()), bytes_);
  EXPECT_EQ(read_file(at("1.0/weights")), bytes_);
  ::munmap(memory, bytes_.size());
}

TEST_F(Commit, ManyInARowAreNeverBusy) {
  for (int i = 0; i < 200; ++i) {
    const std::string draft = "m" + std::to_string(i);
    make_draft(draft, {{"weights", draft}});
    ASSERT_EQ(error(::rename(stage(draft).c_str(), at("v" + std::to_string(i)).c_str())), 0) << i;
  }
}

}  // namespace
}  // namespace modelfs
