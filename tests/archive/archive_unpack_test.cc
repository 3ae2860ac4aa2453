// Archives that are made on the fly, in the hands of the programs that people have.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "archive/archive_programs.h"
#include "archive/synthetic_sample.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

std::string quoted(const std::string& text) { return "'" + text + "'"; }

// What a way to unpack keeps.
struct Keeps {
  std::int64_t time_step_ns = 1;
  bool symlink_times = true;
  bool modes_and_times = true;
  bool hard_links = true;
  bool symlinks = true;
};

// A command line that unpacks $A into the working directory.
struct Decompressor {
  friend void PrintTo(const Decompressor& unpacker, std::ostream* out) { *out << unpacker.line; }

  std::string name;
  std::string program;
  ArchiveFormat format;
  std::string line;
  Keeps keeps;
};

std::string python(const std::string& script) { return "python3 -c \"" + script + "\" \"$A\""; }

const Keeps kZipKeeps = {.time_step_ns = kSecond, .symlink_times = false, .hard_links = false};
const Keeps kPythonTarKeeps = {.time_step_ns = 1'000, .symlink_times = false};
const Keeps kPythonZipKeeps = {.modes_and_times = false, .hard_links = false, .symlinks = false};

const std::string kPythonTar =
    "import sys, tarfile; t = tarfile.open(sys.argv[1], errorlevel=2); "
    "t.extraction_filter = lambda member, path: member; t.extractall()";

std::vector<Decompressor> unpackers() {
  return {
      {"GnuTar", "tar", ArchiveFormat::Tar, "tar -xpf \"$A\" --warning=no-timestamp", {}},
      {"GnuTarGz", "tar", ArchiveFormat::TarGz, "tar -xpzf \"$A\" --warning=no-timestamp", {}},
      {"BsdTar", "bsdtar", ArchiveFormat::Tar, "bsdtar -xpf \"$A\"", {}},
      {"BsdTarGz", "bsdtar", ArchiveFormat::TarGz, "bsdtar -xpf \"$A\"", {}},
      {"PythonTar", "python3", ArchiveFormat::Tar, python(kPythonTar), kPythonTarKeeps},
      {"PythonTarGz", "python3", ArchiveFormat::TarGz, python(kPythonTar), kPythonTarKeeps},
      {"GzipIntoTar", "gzip", ArchiveFormat::TarGz, "gzip -dc <\"$A\" | tar -xpf - --warning=no-timestamp", {}},
      {"Unzip", "unzip", ArchiveFormat::Zip, "unzip -q -^ \"$A\"", kZipKeeps},  // -^: control characters too
      {"BsdTarZip", "bsdtar", ArchiveFormat::Zip, "bsdtar -xpf \"$A\"", kZipKeeps},
      {"PythonZip", "python3", ArchiveFormat::Zip,
       python("import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall()"), kPythonZipKeeps},
  };
}

template <class Predicate>
std::vector<Decompressor> unpackers_that(Predicate predicate) {
  std::vector<Decompressor> all = unpackers();
  std::erase_if(all, [&](const Decompressor& unpacker) { return !predicate(unpacker); });
  return all;
}

bool unpacks_tar(const Decompressor& unpacker) { return unpacker.format != ArchiveFormat::Zip; }
// libarchive takes a backslash in any zip for a slash.
bool keeps_backslashes(const Decompressor& unpacker) { return unpacker.name != "BsdTarZip"; }
// libarchive adds the fraction of a negative time instead of subtracting it.
bool keeps_negative_fractions(const Decompressor& unpacker) {
  return unpacks_tar(unpacker) && unpacker.program != "bsdtar";
}

void write_archive(const std::string& path, const SyntheticSample& sample, ArchiveFormat format) {
  std::ofstream(path, std::ios::binary) << read_whole(*laid_out(sample.files(), format), sample.reader());
}

std::string bytes_at(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::int64_t floor_to(std::int64_t time, std::int64_t step) {
  const std::int64_t rest = time % step;
  return time - (rest < 0 ? rest + step : rest);
}

class Unpacked : public testing::TestWithParam<Decompressor> {
 protected:
  void SetUp() override { NEEDS_PROGRAM(GetParam().program); }

  // Unpacks the sample and expects its tree, no more and no less.
  void expect_tree(const SyntheticSample& sample) {
    const std::string archive = directory_.path() + "/archive";
    write_archive(archive, sample, GetParam().format);
    std::filesystem::create_directory(root());
    const ProgramOutcome outcome =
        run_program("umask 0; A=" + quoted(archive) + "; cd " + quoted(root()) + " && " + GetParam().line);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.output, "");

    std::set<std::string> expected;
    for (std::size_t index = 0; index < sample.files().size(); ++index) {
      expected.insert(sample.files()[index].path);
      expect_member(sample, index);
    }
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root())) {
      found.insert(entry.path().lexically_relative(root()).string());
    }
    EXPECT_EQ(found, expected);
  }

 private:
  std::string root() const { return directory_.path() + "/root"; }

  void expect_member(const SyntheticSample& sample, std::size_t index) {
    const ArchiveEntry& file = sample.files()[index];
    const std::string path = root() + "/" + file.path;
    SCOPED_TRACE(file.path);
    struct stat about {};
    ASSERT_EQ(::lstat(path.c_str(), &about), 0) << std::strerror(errno);
    switch (file.type) {
      case FileType::Directory: EXPECT_TRUE(S_ISDIR(about.st_mode)); break;
      case FileType::Symlink: expect_symlink(file, path); break;
      case FileType::Regular:
        ASSERT_TRUE(S_ISREG(about.st_mode));
        EXPECT_TRUE(bytes_at(path) == sample.bytes(index)) << "other bytes";
        if (file.link_to && GetParam().keeps.hard_links) expect_same_file(sample.files()[*file.link_to], about);
    }
    if (GetParam().keeps.modes_and_times) expect_mode_and_time(file, about);
  }

  void expect_symlink(const ArchiveEntry& file, const std::string& path) {
    if (!GetParam().keeps.symlinks) return;
    std::error_code error;
    EXPECT_EQ(std::filesystem::read_symlink(path, error).string(), file.target) << error.message();
  }

  void expect_same_file(const ArchiveEntry& first, const struct stat& about) {
    struct stat other {};
    ASSERT_EQ(::lstat((root() + "/" + first.path).c_str(), &other), 0);
    EXPECT_EQ(other.st_ino, about.st_ino);
  }

  void expect_mode_and_time(const ArchiveEntry& file, const struct stat& about) {
    const Keeps& keeps = GetParam().keeps;
    if (file.type != FileType::Symlink) {
      EXPECT_EQ(about.st_mode & 07777, file.mode);
    }
    if (file.type == FileType::Symlink && !keeps.symlink_times) return;
    const std::int64_t time = about.st_mtim.tv_sec * kSecond + about.st_mtim.tv_nsec;
    const std::int64_t step = keeps.time_step_ns;
    if (step == 1'000) {
      EXPECT_NEAR(static_cast<double>(time - raw(file.mtime)), 0, 1'000);  // it computes with doubles
    } else {
      EXPECT_EQ(time, floor_to(raw(file.mtime), step));
    }
  }

  TemporaryDirectory directory_;
};
std::string name_of_unpacker(const testing::TestParamInfo<Decompressor>& info) { return info.param.name; }

class UnpackedTar : public Unpacked {};
class UnpackedWithBackslashes : public Unpacked {};
class UnpackedWithNegativeFractions : public Unpacked {};
INSTANTIATE_TEST_SUITE_P(, Unpacked, testing::ValuesIn(unpackers()), name_of_unpacker);
INSTANTIATE_TEST_SUITE_P(, UnpackedTar, testing::ValuesIn(unpackers_that(unpacks_tar)), name_of_unpacker);
INSTANTIATE_TEST_SUITE_P(, UnpackedWithBackslashes, testing::ValuesIn(unpackers_that(keeps_backslashes)),
                         name_of_unpacker);
INSTANTIATE_TEST_SUITE_P(, UnpackedWithNegativeFractions, testing::ValuesIn(unpackers_that(keeps_negative_fractions)),
                         name_of_unpacker);

TEST_P(Unpacked, ASmallTree) { expect_tree(small_sample()); }

TEST_P(Unpacked, AnEmptyFile) {
  SyntheticSample sample;
  sample.file("empty", "");

  expect_tree(sample);
}

TEST_P(Unpacked, SizesAroundABlockAndAroundADeflateBlock) {
  SyntheticSample sample;
  for (const std::size_t size : {1, 511, 512, 513, 10'240, 65'534, 65'535, 65'536, 131'070, 200'000}) {
    sample.file(std::to_string(size), noise(size));
  }

  expect_tree(sample);
}

TEST_P(Unpacked, OddNames) {
  SyntheticSample sample;
  for (const std::string name : {"two words", "-rf", "--", "new\nline", "tab\there", "quote'\"", "grüße", "模型.onnx",
                                 "🙂", "*", "ab:c", " ", "trailing ", "...", "%s", "#U1234", "~"}) {
    sample.file(name, name);
    sample.symlink("to " + name, name);
  }

  expect_tree(sample);
}

TEST_P(UnpackedWithBackslashes, ABackslashInAName) {
  SyntheticSample sample;
  sample.file("back\\slash", "x");

  expect_tree(sample);
}

TEST_P(Unpacked, LongNamesAndDeepPaths) {
  SyntheticSample sample;
  for (const std::size_t length : {99, 100, 101, 155, 156, 200, 254, 255}) sample.file(std::string(length, 'n'), "x");
  const std::uint32_t first = sample.file(std::string(85, 'u') + "ü" + std::string(120, 'u'), "x");
  sample.hard_link("link to a long name", first);
  sample.symlink("far", std::string(1'000, '.'));
  std::string path;
  while (path.size() < 1'000) {
    path += (path.empty() ? "" : "/") + std::string(90, 'd');
    sample.directory(path);
    sample.file(path + "/f", path);
  }

  expect_tree(sample);
}

TEST_P(Unpacked, PathsAroundWhatTheTwoFieldsOfUstarHold) {
  SyntheticSample sample;
  for (const std::size_t folder : {154, 155, 156}) {
    const std::string directory = std::string(folder, 'd');
    sample.directory(directory);
    for (const std::size_t name : {99, 100, 101}) {
      sample.file(directory + "/" + std::string(name, 'f'), "x");
      sample.directory(directory + "/" + std::string(name - 1, 'g'));
    }
  }

  expect_tree(sample);
}

TEST_P(Unpacked, ModesAreKept) {
  SyntheticSample sample;
  for (const std::uint32_t mode : {0400u, 0444u, 0555u, 0600u, 0664u, 0777u}) {
    sample.file("f" + std::to_string(mode), "x", mode);
    sample.directory("d" + std::to_string(mode), mode | 0700);
  }

  expect_tree(sample);
}

TEST_P(Unpacked, TimesWithNanosecondsAndToTheEndOf2037) {
  SyntheticSample sample;
  for (const std::int64_t time : {std::int64_t{0}, 1 * kSecond, 1'700'000'000 * kSecond + 1,
                                  1'700'000'001 * kSecond + 999'999'999, 2'145'916'800 * kSecond}) {
    sample.file(std::to_string(time), "x", 0644, TimeNs{time});
  }

  expect_tree(sample);
}

TEST_P(UnpackedTar, TimesBefore1970) {
  SyntheticSample sample;
  for (const std::int64_t time : {-1 * kSecond, -86'400 * kSecond, -2'000'000'000 * kSecond}) {
    sample.file("t" + std::to_string(time), "x", 0644, TimeNs{time});
  }

  expect_tree(sample);
}

TEST_P(UnpackedWithNegativeFractions, TimesBefore1970) {
  SyntheticSample sample;
  for (const std::int64_t time : {-1 * kSecond / 2, -3 * kSecond / 2, -1 * kSecond - 1}) {
    sample.file("t" + std::to_string(time), "x", 0644, TimeNs{time});
  }

  expect_tree(sample);
}

TEST_P(Unpacked, TimesAfter2038) {
  SyntheticSample sample;
  for (const std::int64_t seconds : {std::int64_t{1} << 31, std::int64_t{4'102'444'800}, (std::int64_t{1} << 32) - 2}) {
    sample.file(std::to_string(seconds), "x", 0644, TimeNs{seconds * kSecond});
  }

  expect_tree(sample);
}

TEST_P(UnpackedTar, TimesAfter2107) {
  SyntheticSample sample;
  for (const std::int64_t seconds : {4'400'000'000, 8'589'934'591, 8'589'934'592, 9'000'000'000}) {
    sample.file(std::to_string(seconds), "x", 0644, TimeNs{seconds * kSecond + 5});
  }

  expect_tree(sample);
}

// Each program in one run over an archive it only has to find sound.
struct Check {
  friend void PrintTo(const Check& check, std::ostream* out) { *out << check.line; }

  std::string name;
  std::string program;
  ArchiveFormat format;
  std::string line;
};

std::vector<Check> checks() {
  return {
      {"GzipTest", "gzip", ArchiveFormat::TarGz, "gzip -t <\"$A\""},
      {"UnzipTest", "unzip", ArchiveFormat::Zip, "unzip -tqq \"$A\""},
      {"PythonZipTest", "python3", ArchiveFormat::Zip,
       python("import sys, zipfile; assert zipfile.ZipFile(sys.argv[1]).testzip() is None")},
      {"PythonZipAttributes", "python3", ArchiveFormat::Zip,
       python("import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); i = z.getinfo('run.sh'); "
              "assert (i.external_attr >> 16, i.date_time) == (0o100755, (2017, 7, 14, 2, 40, 0)), i; "
              "assert z.getinfo('link').external_attr >> 16 == 0o120777; "
              "assert z.getinfo('sub/').external_attr == 0o40750 << 16 | 16")},
      {"PythonTarOwners", "python3", ArchiveFormat::Tar,
       python("import sys, tarfile; "
              "assert {(m.uid, m.gid, m.uname, m.gname) for m in tarfile.open(sys.argv[1])} == {(0, 0, '', '')}")},
      {"GnuTarCompare", "tar", ArchiveFormat::Tar, "tar -tvf \"$A\" >/dev/null"},
      {"ZipInfo", "zipinfo", ArchiveFormat::Zip, "zipinfo -v \"$A\" >/dev/null"},
  };
}

class Accepted : public testing::TestWithParam<Check> {};
INSTANTIATE_TEST_SUITE_P(, Accepted, testing::ValuesIn(checks()), [](const auto& each) { return each.param.name; });

TEST_P(Accepted, Silently) {
  NEEDS_PROGRAM(GetParam().program);
  const TemporaryDirectory directory;
  const std::string archive = directory.path() + "/archive";
  write_archive(archive, small_sample(), GetParam().format);

  const ProgramOutcome outcome = run_program("A=" + quoted(archive) + "; " + GetParam().line);

  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.output, "");
}

}  // namespace
}  // namespace modelfs
