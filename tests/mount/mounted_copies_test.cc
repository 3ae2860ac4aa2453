// mount/SEMANTICS.md, "Copies inside the mount".
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

#include "mount/mounted.h"

namespace modelfs {
namespace {

class Copies : public Mounted {
 protected:
  static double metric(const std::string& name) {
    std::istringstream lines(read_file(mount().point() + "/.modelfs/metrics"));
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(name + " ")) return std::stod(line.substr(name.size()));
    }
    return 0;
  }
  static double written() { return metric("modelfs_written_bytes_total"); }
  static double borrowed() { return metric("modelfs_borrowed_bytes_total"); }

  // copy_file_range(2) of a part, by paths; how many bytes, or -errno.
  static ssize_t copy_part(const std::string& from, loff_t from_offset, const std::string& to, loff_t to_offset,
                           std::size_t size_bytes) {
    const File source = open_file(from, O_RDONLY);
    const File target = open_file(to, O_WRONLY | O_CREAT);
    const ssize_t copied = ::copy_file_range(source.fd(), &from_offset, target.fd(), &to_offset, size_bytes, 0);
    return copied < 0 ? -errno : copied;
  }

  const std::string large_ = pattern(3'000'000);
};

TEST_F(Copies, MoveNoData) {
  publish("1.0", {{"large", large_}, {"small", "abc"}, {"empty", ""}, {"sub/", ""}, {"sub/deep", pattern(70'000)}});
  ASSERT_EQ(run("mkdir -p '" + stage("") + "'").exit_code, 0);
  const double written_before = written();
  const double borrowed_before = borrowed();

  const Outcome copied = run("cp -r '" + at("1.0") + "' '" + stage("x") + "'");

  ASSERT_EQ(copied.exit_code, 0) << copied.output;
  EXPECT_EQ(written(), written_before);
  EXPECT_EQ(borrowed() - borrowed_before, 3'000'000 + 3 + 70'000);
  EXPECT_EQ(describe_tree(stage("x"), Detail::Content), describe_tree(at("1.0"), Detail::Content));
  ASSERT_EQ(error(::rename(stage("x").c_str(), at("1.1").c_str())), 0);
  EXPECT_EQ(text_attribute(at("1.1"), "user.modelfs.digest"), text_attribute(at("1.0"), "user.modelfs.digest"));
  EXPECT_EQ(read_file(at("1.1/large")), large_);
  EXPECT_EQ(written(), written_before);
}

TEST_F(Copies, ShowSizesBlocksAndTimes) {
  publish("1.0", {{"large", large_}});
  ASSERT_EQ(run("cp -rp '" + at("1.0") + "' '" + stage("x") + "'").exit_code, 0);

  const struct stat original = stat_of(at("1.0/large"));
  const struct stat copy = stat_of(stage("x/large"));
  EXPECT_EQ(copy.st_size, original.st_size);
  EXPECT_EQ(copy.st_blocks, original.st_blocks);
  EXPECT_EQ(nanoseconds(copy.st_mtim), nanoseconds(original.st_mtim));
  EXPECT_NE(copy.st_ino, original.st_ino);
  EXPECT_EQ(permissions(copy), permissions(original));
}

TEST_F(Copies, AreNobodyElsesOnceTheyAreWritten) {
  publish("1.0", {{"large", large_}, {"small", "abc"}});
  for (const char* name : {"large", "small"}) {
    const std::string original = read_file(at("1.0/" + std::string(name)));
    for (const char* way : {"write", "append", "cut", "mapped"}) {
      const std::string copy = stage(std::string(name) + "-" + way);
      ASSERT_EQ(run("cp '" + at("1.0/" + std::string(name)) + "' '" + copy + "'").exit_code, 0);
      std::string expected = original;
      const File file = open_file(copy, O_RDWR);
      if (way == std::string("write")) {
        ASSERT_EQ(::pwrite(file.fd(), "X", 1, 1), 1);
        expected[1] = 'X';
      } else if (way == std::string("append")) {
        ASSERT_EQ(::pwrite(file.fd(), "more", 4, static_cast<off_t>(original.size())), 4);
        expected += "more";
      } else if (way == std::string("cut")) {
        ASSERT_EQ(error(::ftruncate(file.fd(), 2)), 0);
        expected.resize(2);
      } else {
        auto* const bytes =
            static_cast<char*>(::mmap(nullptr, original.size(), PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0));
        ASSERT_NE(bytes, MAP_FAILED);
        bytes[2] = 'X';
        ASSERT_EQ(error(::msync(bytes, original.size(), MS_SYNC)), 0);
        ::munmap(bytes, original.size());
        expected[2] = 'X';
      }
      EXPECT_EQ(read_file(copy), expected) << copy;
      EXPECT_EQ(read_file(at("1.0/" + std::string(name))), original) << copy;
    }
  }
  make_directory(stage("all"));
  ASSERT_EQ(run("mv '" + stage("") + "'*-* '" + stage("all") + "'").exit_code, 0);
  ASSERT_EQ(error(::rename(stage("all").c_str(), at("1.1").c_str())), 0);
  EXPECT_EQ(read_file(at("1.1/large-append")), large_ + "more");
  EXPECT_EQ(read_file(at("1.0/large")), large_);
  const Outcome verified = modelfs("verify --store '" + mount().store() + "'");
  EXPECT_EQ(verified.exit_code, 0) << verified.output;
}

TEST_F(Copies, OfPartsAreExact) {
  publish("1.0", {{"large", large_}});
  const std::string from = at("1.0/large");
  EXPECT_EQ(copy_part(from, 0, stage("start"), 0, 1000), 1000);
  EXPECT_EQ(read_file(stage("start")), large_.substr(0, 1000));
  EXPECT_EQ(copy_part(from, 1000, stage("start"), 1000, 500), 500) << "and on";
  EXPECT_EQ(read_file(stage("start")), large_.substr(0, 1500));
  EXPECT_EQ(copy_part(from, 7, stage("start"), 3, 10), 10) << "over it";
  EXPECT_EQ(read_file(stage("start")), large_.substr(0, 3) + large_.substr(7, 10) + large_.substr(13, 1487));
  EXPECT_EQ(copy_part(from, 2'999'990, stage("end"), 0, 1000), 10);
  EXPECT_EQ(read_file(stage("end")), large_.substr(2'999'990));
  EXPECT_EQ(copy_part(from, 0, stage("behind"), 100, 10), 10);
  EXPECT_EQ(read_file(stage("behind")), std::string(100, '\0') + large_.substr(0, 10));
  EXPECT_EQ(copy_part(from, 3'000'000, stage("none"), 0, 10), 0);
  EXPECT_EQ(copy_part(stage("end"), 0, stage("draft"), 0, 10), 10) << "of drafts, too";
  EXPECT_EQ(read_file(stage("draft")), large_.substr(2'999'990));
}

TEST_F(Copies, GoAcrossDomains) {
  publish("1.0", {{"large", large_}});
  const std::string other = mount().point() + "/" + domain_name() + "-other";
  make_directory(other);
  const double before = written();
  ASSERT_EQ(run("cp -r '" + at("1.0") + "' '" + other + "/.stage/x'").exit_code, 0);
  ASSERT_EQ(error(::rename((other + "/.stage/x").c_str(), (other + "/1.0").c_str())), 0);

  EXPECT_EQ(written(), before);
  EXPECT_EQ(read_file(other + "/1.0/large"), large_);
}

TEST_F(Copies, AreAsSafeAsOtherDrafts) {
  publish("1.0", {{"large", large_}});
  Mount own;
  ASSERT_EQ(own.start(), "");
  make_directory(own.point() + "/churn");
  make_directory(own.point() + "/churn/.stage/x");
  write_file(own.point() + "/churn/.stage/x/large", large_);
  ASSERT_EQ(error(::rename((own.point() + "/churn/.stage/x").c_str(), (own.point() + "/churn/1.0").c_str())), 0);
  const std::string copy = own.point() + "/churn/.stage/copy";
  ASSERT_EQ(run("cp -r '" + own.point() + "/churn/1.0' '" + copy + "'").exit_code, 0);
  ASSERT_EQ(run("cp -r '" + own.point() + "/churn/1.0/large' '" + copy + "/changed'").exit_code, 0);
  {
    const File file = open_file(copy + "/changed", O_RDWR);
    ASSERT_EQ(::pwrite(file.fd(), "X", 1, 0), 1);
  }

  own.kill();
  ASSERT_EQ(own.start(), "");

  EXPECT_EQ(read_file(copy + "/large"), large_);
  EXPECT_EQ(read_file(copy + "/changed"), "X" + large_.substr(1));
  ASSERT_EQ(error(::rename(copy.c_str(), (own.point() + "/churn/1.1").c_str())), 0);
  EXPECT_EQ(read_file(own.point() + "/churn/1.1/large"), large_);
  EXPECT_EQ(read_file(own.point() + "/churn/1.0/large"), large_);
}

TEST_F(Copies, NeedTheRightToReadAndToWrite) {
  publish("1.0", {{"large", large_}});
  const File readable = open_file(at("1.0/large"), O_RDONLY);
  write_file(stage("target"), "");
  const File only_read = open_file(stage("target"), O_RDONLY);
  EXPECT_EQ(error(::copy_file_range(readable.fd(), nullptr, only_read.fd(), nullptr, 10, 0)), EBADF);
  EXPECT_EQ(error(::open(at("1.0/large").c_str(), O_WRONLY)), unless_root(EROFS));
}

TEST_F(Copies, OfAnArchiveAreUnpackedAsAnyOther) {
  const std::string archive = mount().store() + "/../copied.tar";
  ASSERT_EQ(run("cd '" + mount().store() + "/..' && echo weights > w && tar cf copied.tar w").exit_code, 0);
  make_draft("x", {{"note", "n"}});
  ASSERT_EQ(run("cp '" + archive + "' '" + stage("x/inner.tar") + "'").exit_code, 0);
  ASSERT_EQ(error(::rename(stage("x").c_str(), at("1.0").c_str())), 0);

  const Outcome put = run("cp '" + at("1.0/inner.tar") + "' '" + at("2.0.tar") + "'");

  ASSERT_EQ(put.exit_code, 0) << put.output;
  EXPECT_EQ(read_file(at("2.0/w")), "weights\n");
  ASSERT_EQ(run("cp '" + at("1.0/inner.tar") + "' '" + stage("moved.tar") + "'").exit_code, 0);
  ASSERT_EQ(error(::rename(stage("moved.tar").c_str(), at("3.0.tar").c_str())), 0);
  EXPECT_EQ(read_file(at("3.0/w")), "weights\n");
}

}  // namespace
}  // namespace modelfs
