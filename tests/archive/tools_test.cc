// Archives that the usual tools write, read back: the tree has to be exact.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "archive/reading.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kTime = 1'700'000'001;

std::string bytes_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
}

bool runs(const std::string& command) { return std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()) == 0; }

// What a tool is asked to pack: names of all kinds, modes, links, an empty file, an empty directory.
class Sample {
 public:
  Sample() {
    fs::create_directories(root() + "/weights/deep/er");
    fs::create_directory(root() + "/empty");
    write_file(root() + "/config.json", "{\"a\": 1}\n");
    std::string big(300'000, '\0');
    std::uint64_t state = 1;
    for (char& each : big)
      each = static_cast<char>((state = state * 6364136223846793005u + 1442695040888963407u) >> 56);
    write_file(root() + "/weights/big.bin", big);
    write_file(root() + "/weights/nothing", "");
    write_file(root() + "/weights/deep/er/größe-模型.txt", "utf-8\n");
    write_file(root() + "/weights/deep/" + std::string(150, 'n'), "long\n");
    fs::permissions(root() + "/config.json", fs::perms(0600));
    fs::permissions(root() + "/weights/nothing", fs::perms(0755));
    fs::permissions(root() + "/empty", fs::perms(0700));
    fs::create_symlink("weights/big.bin", root() + "/link");
    for (const auto& each : fs::recursive_directory_iterator(root())) stamp(each.path());
    stamp(root());
    big_ = big;
  }
  std::string root() const { return folder_.path() + "/tree"; }
  std::string out() const { return folder_.path() + "/out"; }
  const std::string& big() const { return big_; }

 private:
  static void stamp(const std::string& path) {
    const timespec times[2] = {{kTime, 0}, {kTime, 0}};
    ::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }
  TemporaryDirectory folder_;
  std::string big_;
};

void expect_file(const Reading& reading, const std::string& path, std::string_view content, std::uint32_t mode) {
  ASSERT_TRUE(reading.tree.contains(path)) << path;
  const SeenMember& seen = reading.tree.at(path);
  EXPECT_EQ(seen.type, FileType::Regular) << path;
  EXPECT_EQ(seen.content, content.substr(0, RecordingSink::kKeptBytes)) << path;
  EXPECT_EQ(seen.size_bytes, content.size()) << path;
  EXPECT_EQ(seen.mode, mode) << path;
  EXPECT_EQ(seen.mtime_ns / 2'000'000'000, kTime / 2) << path;  // zip may know even seconds only
}

void expect_sample(const Sample& sample, const Reading& reading, bool long_names) {
  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  expect_file(reading, "config.json", "{\"a\": 1}\n", 0600);
  expect_file(reading, "weights/big.bin", sample.big(), 0644);
  expect_file(reading, "weights/nothing", "", 0755);
  expect_file(reading, "weights/deep/er/größe-模型.txt", "utf-8\n", 0644);
  if (long_names) expect_file(reading, "weights/deep/" + std::string(150, 'n'), "long\n", 0644);
  EXPECT_EQ(reading.tree.at("link").target, "weights/big.bin");
  EXPECT_EQ(reading.tree.at("link").type, FileType::Symlink);
  EXPECT_EQ(reading.tree.at("empty").mode, 0700u);
  EXPECT_EQ(reading.tree.at("weights/deep/er").type, FileType::Directory);
  EXPECT_EQ(reading.tree.size(), long_names ? 10u : 9u);
  for (const auto& [path, member] : reading.tree) EXPECT_FALSE(member.implied) << path;
}

struct Tool {
  const char* name;
  const char* command;  // run in the tree; OUT is the archive
  ArchiveFormat format;
  bool long_names = true;
};

std::ostream& operator<<(std::ostream& out, const Tool& tool) { return out << tool.name; }

class ToolTest : public testing::TestWithParam<Tool> {};

TEST_P(ToolTest, ItsArchiveIsReadExactly) {
  const Sample sample;
  if (!GetParam().long_names) fs::remove(sample.root() + "/weights/deep/" + std::string(150, 'n'));

  ASSERT_TRUE(runs("cd " + sample.root() + " && OUT=" + sample.out() + " && " + GetParam().command));
  const Reading reading = read_bytes(bytes_of_file(sample.out()), GetParam().format);

  expect_sample(sample, reading, GetParam().long_names);
}

constexpr const char* kPythonTar =
    "python3 -c 'import tarfile,sys; t=tarfile.open(sys.argv[1], sys.argv[2], format=getattr(tarfile, sys.argv[3])); "
    "t.add(\".\"); t.close()' $OUT ";

std::string python_tar(const char* mode, const char* format) { return std::string(kPythonTar) + mode + " " + format; }

std::vector<Tool> tar_tools() {
  static const std::string python_gz = python_tar("w:gz", "PAX_FORMAT");
  static const std::string python_gnu = python_tar("w", "GNU_FORMAT");
  static const std::string python_ustar = python_tar("w", "USTAR_FORMAT");
  return {
      {"GnuTarGnu", "tar --format=gnu -cf $OUT .", ArchiveFormat::Tar},
      {"GnuTarUstar", "tar --format=ustar -cf $OUT .", ArchiveFormat::Tar, false},
      {"GnuTarPax", "tar --format=pax -cf $OUT .", ArchiveFormat::Tar},
      {"GnuTarV7", "tar --format=v7 -cf $OUT .", ArchiveFormat::Tar, false},
      {"GnuTarGzip", "tar czf $OUT *", ArchiveFormat::TarGz},
      {"GnuTarGzip9", "tar c * | gzip -9 > $OUT", ArchiveFormat::TarGz},
      {"GnuTarSparse", "tar --sparse -czf $OUT *", ArchiveFormat::TarGz},
      {"GnuTarZstd", "tar --zstd -cf $OUT *", ArchiveFormat::TarZst},
      {"GnuTarZstd19", "tar c * | zstd -q -19 > $OUT", ArchiveFormat::TarZst},
      {"GnuTarZstdLong", "tar c * | zstd -q --long=27 -T2 > $OUT", ArchiveFormat::TarZst},
      {"GnuTarChildrenFirst", "find . -depth -mindepth 1 | tar -czf $OUT --no-recursion -T -", ArchiveFormat::TarGz},
      {"Bsdtar", "bsdtar -cf $OUT *", ArchiveFormat::Tar},
      {"BsdtarGzip", "bsdtar -czf $OUT .", ArchiveFormat::TarGz},
      {"BsdtarUstar", "bsdtar --format=ustar -cf $OUT *", ArchiveFormat::Tar, false},
      {"BsdtarGnu", "bsdtar --format=gnutar -cf $OUT *", ArchiveFormat::Tar},
      {"BsdtarZstd", "bsdtar --zstd -cf $OUT *", ArchiveFormat::TarZst},
      {"PythonGzip", python_gz.c_str(), ArchiveFormat::TarGz},
      {"PythonGnu", python_gnu.c_str(), ArchiveFormat::Tar},
      {"PythonUstar", python_ustar.c_str(), ArchiveFormat::Tar, false},
  };
}

INSTANTIATE_TEST_SUITE_P(Tar, ToolTest, testing::ValuesIn(tar_tools()),
                         [](const auto& tool) { return std::string(tool.param.name); });

constexpr const char* kPythonZip =
    "python3 -c 'import zipfile,sys,os; z=zipfile.ZipFile(sys.argv[1], \"w\", int(sys.argv[2]))\n"
    "for d,ds,fs in os.walk(\".\"):\n"
    "  for n in sorted(ds)+sorted(fs):\n"
    "    p=os.path.join(d,n)\n"
    "    if os.path.islink(p):\n"
    "      i=zipfile.ZipInfo(p); i.external_attr=0o120777<<16; z.writestr(i, os.readlink(p))\n"
    "    else: z.write(p)\n"
    "z.close()' $OUT ";

std::vector<Tool> zip_tools() {
  static const std::string python_stored = std::string(kPythonZip) + "0";
  static const std::string python_deflated = std::string(kPythonZip) + "8";
  return {
      {"Zip", "zip -qry out.zip . && mv out.zip $OUT", ArchiveFormat::Zip},
      {"ZipStored", "zip -0qry out.zip . && mv out.zip $OUT", ArchiveFormat::Zip},
      {"ZipWithAComment", "zip -qry out.zip . && echo 'a comment' | zip -qz out.zip && mv out.zip $OUT",
       ArchiveFormat::Zip},
      {"ZipForced64", "zip -fz -qry out.zip . && mv out.zip $OUT", ArchiveFormat::Zip},
      {"BsdtarZip", "bsdtar --format=zip -cf $OUT *", ArchiveFormat::Zip},
      {"PythonZipStored", python_stored.c_str(), ArchiveFormat::Zip},
      {"PythonZipDeflated", python_deflated.c_str(), ArchiveFormat::Zip},
  };
}

INSTANTIATE_TEST_SUITE_P(Zip, ToolTest, testing::ValuesIn(zip_tools()),
                         [](const auto& tool) { return std::string(tool.param.name); });

TEST(ZipTest, Forced64BitSizesOfPythonAreRead) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(
      runs("python3 -c 'import zipfile,sys; z=zipfile.ZipFile(sys.argv[1], \"w\", 8)\n"
           "with z.open(\"a/b\", \"w\", force_zip64=True) as f: f.write(b\"text\" * 9)\n"
           "z.close()' " +
           folder.path() + "/out.zip"));

  const Reading reading = read_bytes(bytes_of_file(folder.path() + "/out.zip"), ArchiveFormat::Zip);

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("a/b").size_bytes, 36u);
  EXPECT_TRUE(reading.tree.at("a").implied);
}

TEST(ZipTest, WrittenToAPipeItIsReadByItsDescriptors) {
  const Sample sample;
  ASSERT_TRUE(runs("cd " + sample.root() + " && zip -qr - config.json weights | cat > " + sample.out()));

  const Reading reading = read_bytes(bytes_of_file(sample.out()), ArchiveFormat::Zip);

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  expect_file(reading, "config.json", "{\"a\": 1}\n", 0600);
  expect_file(reading, "weights/big.bin", sample.big(), 0644);
}

TEST(SparseTest, HolesOfEveryKindOfSparseTarStayHoles) {
  const TemporaryDirectory folder;
  const std::string path = folder.path() + "/sparse";
  ASSERT_TRUE(runs("truncate -s 8M " + path + " && printf begin | dd conv=notrunc of=" + path +
                   " && printf middle | dd bs=1 seek=4194304 conv=notrunc of=" + path));
  for (const std::string format : {"--format=gnu", "--format=pax --sparse-version=0.0",
                                   "--format=pax --sparse-version=0.1", "--format=pax --sparse-version=1.0"}) {
    const std::string out = folder.path() + "/out.tar";
    ASSERT_TRUE(runs("cd " + folder.path() + " && tar --sparse " + format + " -cf " + out + " sparse"));

    const Reading reading = read_bytes(bytes_of_file(out), ArchiveFormat::Tar);

    ASSERT_TRUE(reading.status.ok()) << format << ": " << reading.status.str();
    const SeenMember& file = reading.tree.at("sparse");
    EXPECT_EQ(file.size_bytes, 8u << 20) << format;
    EXPECT_GT(file.hole_bytes, 7u << 20) << format;
    EXPECT_EQ(file.content.substr(0, 5), "begin") << format;
  }
}

TEST(HardLinkTest, OfATarLeadToTheFileThatCameFirst) {
  const TemporaryDirectory folder;
  const std::string in = "cd " + folder.path() + " && ";
  ASSERT_TRUE(runs(in + "printf same > a && ln a b && ln a c && tar czf out.tgz a b c"));

  const Reading reading = read_bytes(bytes_of_file(folder.path() + "/out.tgz"), ArchiveFormat::TarGz);

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("a").content, "same");
  EXPECT_TRUE(reading.tree.at("b").hard_link);
  EXPECT_EQ(reading.tree.at("c").target, "a");
}

}  // namespace
}  // namespace modelfs
