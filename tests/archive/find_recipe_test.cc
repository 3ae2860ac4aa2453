// Archives that people's programs make, replaced by recipes and made again.
#include "archive/recipe/find_recipe.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "archive/archive_programs.h"
#include "archive/synthetic_sample.h"
#include "base/file.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

const std::atomic<bool> kNotCancelled = false;

// Numbers as a trained network has them: small, around zero, as 32-bit floats.
std::string weights(std::size_t count) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, 0.05f);
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const float weight = normal(random);
    bytes.append(reinterpret_cast<const char*>(&weight), sizeof weight);
  }
  return bytes;
}

std::string words(std::size_t size_bytes) {
  std::mt19937 random(11);
  std::string text;
  while (text.size() < size_bytes) {
    for (unsigned length = 2 + random() % 8; length > 0; --length) text += static_cast<char>('a' + random() % 26 % 17);
    text += random() % 9 == 0 ? '\n' : ' ';
  }
  return text;
}

// A directory with files, and the members that a release of it would have.
class ModelFiles {
 public:
  ModelFiles() { std::filesystem::create_directory(path()); }
  std::string path() const { return directory_.path() + "/model"; }
  std::string archive() const { return directory_.path() + "/archive"; }

  void add(const std::string& name, const std::string& bytes) {
    const std::filesystem::path file = path() + "/" + name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    members.push_back({hash_of(bytes_of(bytes)).digest, bytes.size(), static_cast<std::uint32_t>(contents.size())});
    contents.push_back(bytes);
  }
  ContentReadAt reader() const {
    return [this](std::uint32_t number, std::uint64_t offset, ByteSpan into) -> Result<std::size_t> {
      if (number >= contents.size()) return Status(Code::NotFound, "no such content");
      const std::string& bytes = contents[number];
      const std::size_t at = std::min<std::size_t>(offset, bytes.size());
      const std::size_t count = std::min(into.size(), bytes.size() - at);
      std::copy_n(std::as_bytes(std::span(bytes)).begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
      return count;
    };
  }
  // Runs a line in which $D is the directory and $A the archive to make.
  void pack(const std::string& line) const {
    const ProgramOutcome outcome = run_program("D='" + path() + "'; A='" + archive() + "'; " + line);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  }

  std::vector<RecipeMember> members;
  std::vector<std::string> contents;

 private:
  TemporaryDirectory directory_;
};

std::string bytes_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::unique_ptr<ModelFiles> small_model() {
  auto files = std::make_unique<ModelFiles>();
  files->add("config.json", "{\"layers\": 12, \"hidden\": 768}\n");
  files->add("empty", "");
  files->add("vocab.txt", words(300'000));
  files->add("weights/a.bin", weights(200'000));
  files->add("weights/b.bin", weights(3'000));
  files->add("weights/noise.bin", noise(100'000));
  files->add("weights/zeros.bin", std::string(500'000, '\0'));
  files->add(std::string(120, 'n') + "/ü", "a long name, not ASCII");
  for (int i = 0; i < 50; ++i) files->add("shards/" + std::to_string(i), words(100) + std::to_string(i));
  return files;
}

Result<std::optional<Recipe>> find_in(const std::string& archive, ArchiveFormat format, const ModelFiles& files) {
  const ArchiveReadAt read = [&](std::uint64_t offset, ByteSpan into) -> Result<std::size_t> {
    const std::size_t at = std::min<std::size_t>(offset, archive.size());
    const std::size_t count = std::min(into.size(), archive.size() - at);
    std::copy_n(std::as_bytes(std::span(archive)).begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
    return count;
  };
  return find_recipe({read, archive.size(), format}, files.members, files.reader(), kNotCancelled);
}

std::string made_by(const Recipe& recipe, const ModelFiles& files) {
  std::string made;
  const Status status = rebuild(recipe, files.reader(), [&](ByteView bytes) {
    made += text_of(bytes);
    return Status();
  });
  EXPECT_TRUE(status.ok()) << status.str();
  return made;
}

struct Packer {
  friend void PrintTo(const Packer& packer, std::ostream* out) { *out << packer.line; }
  std::string name;
  std::string program;
  ArchiveFormat format;
  std::string line;
};

std::string python(const std::string& script) {
  return "python3 -c \"import sys, tarfile, zipfile, os; D, A = sys.argv[1:]; os.chdir(D); " + script +
         "\" \"$D\" \"$A\"";
}
std::string python_tar(const std::string& arguments) {
  return python("t = tarfile.open(A, " + arguments + "); t.add('.'); t.close()");
}
std::string python_zip(const std::string& arguments) {
  return python("z = zipfile.ZipFile(A, 'w'" + arguments +
                "); [z.write(os.path.join(d, f)) for d, _, fs in os.walk('.') for f in fs]; z.close()");
}

std::vector<Packer> packers() {
  return {
      {"GnuTar", "tar", ArchiveFormat::Tar, "tar -cf \"$A\" -C \"$D\" ."},
      {"GnuTarPax", "tar", ArchiveFormat::Tar, "tar --format=pax -cf \"$A\" -C \"$D\" ."},
      {"GnuTarOldGnu", "tar", ArchiveFormat::Tar, "tar --format=oldgnu -cf \"$A\" -C \"$D\" ."},
      {"BsdTar", "bsdtar", ArchiveFormat::Tar, "bsdtar -cf \"$A\" -C \"$D\" ."},
      {"PythonTar", "python3", ArchiveFormat::Tar, python_tar("'w'")},
      {"PythonTarGnu", "python3", ArchiveFormat::Tar, python_tar("'w', format=tarfile.GNU_FORMAT")},
      {"PythonTarGz", "python3", ArchiveFormat::TarGz, python_tar("'w:gz'")},
      {"PythonTarGz6", "python3", ArchiveFormat::TarGz, python_tar("'w:gz', compresslevel=6")},
      {"PythonTarGz1", "python3", ArchiveFormat::TarGz, python_tar("'w:gz', compresslevel=1")},
      {"PythonMakeArchive", "python3", ArchiveFormat::TarGz,
       python("import shutil; shutil.make_archive(A, 'gztar', '.'); os.rename(A + '.tar.gz', A)")},
      {"BsdTarGz", "bsdtar", ArchiveFormat::TarGz, "bsdtar -czf \"$A\" -C \"$D\" ."},
      {"BsdTarGz9", "bsdtar", ArchiveFormat::TarGz,
       "bsdtar --options gzip:compression-level=9 -czf \"$A\" -C \"$D\" ."},
      {"GnuTarGz", "gzip", ArchiveFormat::TarGz, "tar -czf \"$A\" -C \"$D\" ."},
      {"GnuGzip1", "gzip", ArchiveFormat::TarGz, "tar -cf - -C \"$D\" . | gzip -1 >\"$A\""},
      {"GnuGzip9", "gzip", ArchiveFormat::TarGz, "tar -cf - -C \"$D\" . | gzip -9 >\"$A\""},
      {"GnuGzipWithName", "gzip", ArchiveFormat::TarGz,
       "tar -cf \"$A.tar\" -C \"$D\" . && gzip \"$A.tar\" && mv \"$A.tar.gz\" \"$A\""},
      {"PythonZipStored", "python3", ArchiveFormat::Zip, python_zip("")},
      {"PythonZipDeflated", "python3", ArchiveFormat::Zip, python_zip(", zipfile.ZIP_DEFLATED")},
      {"PythonZipDeflated9", "python3", ArchiveFormat::Zip, python_zip(", zipfile.ZIP_DEFLATED, compresslevel=9")},
      {"InfoZipStored", "zip", ArchiveFormat::Zip, "cd \"$D\" && zip -q -0 -r - . >\"$A\""},
      {"InfoZipDeflated", "zip", ArchiveFormat::Zip,
       "cd \"$D\" && rm -f \"$A.zip\" && zip -q -r \"$A.zip\" . && mv \"$A.zip\" \"$A\""},
      {"BsdTarZip", "bsdtar", ArchiveFormat::Zip, "bsdtar --format=zip -cf \"$A\" -C \"$D\" ."},
      {"BsdTarZipStored", "bsdtar", ArchiveFormat::Zip,
       "bsdtar --format=zip --options zip:compression=store -cf \"$A\" -C \"$D\" ."},
  };
}

class ArchiveOf : public testing::TestWithParam<Packer> {
 protected:
  void SetUp() override { NEEDS_PROGRAM(GetParam().program); }
};
INSTANTIATE_TEST_SUITE_P(, ArchiveOf, testing::ValuesIn(packers()), [](const auto& each) { return each.param.name; });

TEST_P(ArchiveOf, IsMadeAgainBitForBit) {
  const auto files = small_model();
  files->pack(GetParam().line);
  const std::string archive = bytes_of_file(files->archive());

  const auto found = find_in(archive, GetParam().format, *files);

  ASSERT_TRUE(found.ok()) << found.status().str();
  ASSERT_TRUE(found->has_value());
  const std::string encoded = (*found)->encode();
  EXPECT_LT(encoded.size(), 4'000u);
  const auto recipe = Recipe::decode(encoded);
  ASSERT_TRUE(recipe.ok()) << recipe.status().str();
  EXPECT_TRUE(made_by(*recipe, *files) == archive);
}

TEST_P(ArchiveOf, IsReadAtRandomUnlessItIsCompressed) {
  const auto files = small_model();
  files->pack(GetParam().line);
  const std::string archive = bytes_of_file(files->archive());
  const auto found = find_in(archive, GetParam().format, *files);
  ASSERT_TRUE(found.ok() && found->has_value());
  const Recipe& recipe = **found;
  std::string piece(archive.size(), '\0');
  if (!recipe.reads_at_random()) {
    EXPECT_EQ(read_at(recipe, 0, std::as_writable_bytes(std::span(piece)), files->reader()).code(), Code::Unsupported);
    return;
  }
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);

  for (int round = 0; round < 2'000; ++round) {
    const std::uint64_t offset = random() % (archive.size() + 100);
    piece.resize(random() % (round % 50 == 0 ? archive.size() : 2'000));
    const auto got = read_at(recipe, offset, std::as_writable_bytes(std::span(piece)), files->reader());
    ASSERT_TRUE(got.ok()) << got.status().str();
    const std::string expected = offset < archive.size() ? archive.substr(offset, piece.size()) : "";
    ASSERT_TRUE(std::string_view(piece).substr(0, *got) == expected) << piece.size() << " bytes at " << offset;
  }
}

TEST_P(ArchiveOf, WithAFlippedBitIsMadeAgainOrHasNoRecipe) {
  const auto files = small_model();
  files->pack(GetParam().line);
  const std::string archive = bytes_of_file(files->archive());
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);

  for (int round = 0; round < 3; ++round) {
    std::string damaged = archive;
    damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
    const auto found = find_in(damaged, GetParam().format, *files);
    ASSERT_TRUE(found.ok()) << found.status().str();
    if (found->has_value()) {
      EXPECT_TRUE(made_by(**found, *files) == damaged);
    }
  }
}

// What no recipe is found for: a line that makes it, of small_model().
struct Hopeless {
  friend void PrintTo(const Hopeless& hopeless, std::ostream* out) { *out << hopeless.line; }
  std::string name;
  std::string program;
  ArchiveFormat format;
  std::string line;
};

class NoRecipe : public testing::TestWithParam<Hopeless> {};
INSTANTIATE_TEST_SUITE_P(
    , NoRecipe,
    testing::Values(Hopeless{"Zstd", "zstd", ArchiveFormat::TarZst, "tar -cf - -C \"$D\" . | zstd -q >\"$A\""},
                    Hopeless{"SeveralGzipMembers", "python3", ArchiveFormat::TarGz,
                             python_tar("'w:gz'") + " && printf '' | gzip >>\"$A\""},
                    Hopeless{"GarbageBehindGzip", "python3", ArchiveFormat::TarGz,
                             python_tar("'w:gz'") + " && echo x >>\"$A\""},
                    Hopeless{"GarbageAsTar", "head", ArchiveFormat::Tar, "head -c 1000000 /dev/urandom >\"$A\""},
                    Hopeless{"GarbageAsGzip", "head", ArchiveFormat::TarGz, "head -c 1000000 /dev/urandom >\"$A\""},
                    Hopeless{"GarbageAsZip", "head", ArchiveFormat::Zip, "head -c 1000000 /dev/urandom >\"$A\""},
                    Hopeless{"GarbageInGzip", "python3", ArchiveFormat::TarGz,
                             python("import gzip; gzip.open(A, 'w').write(os.urandom(1000000))")},
                    Hopeless{"AFileThatIsNoMember", "tar", ArchiveFormat::Tar,
                             "head -c 100000 /dev/urandom >\"$D/more\" && tar -cf \"$A\" -C \"$D\" ."},
                    Hopeless{"AFileThatIsNoMemberInAZip", "python3", ArchiveFormat::Zip,
                             "head -c 100000 /dev/urandom >\"$D/more\" && " + python_zip("")},
                    Hopeless{"NothingAsTar", "true", ArchiveFormat::Tar, ": >\"$A\""},
                    Hopeless{"NothingAsGzip", "true", ArchiveFormat::TarGz, ": >\"$A\""},
                    Hopeless{"NothingAsZip", "true", ArchiveFormat::Zip, ": >\"$A\""}),
    [](const auto& each) { return each.param.name; });

TEST_P(NoRecipe, IsFound) {
  NEEDS_PROGRAM(GetParam().program);
  const auto files = small_model();
  files->pack(GetParam().line);

  const auto found = find_in(bytes_of_file(files->archive()), GetParam().format, *files);

  ASSERT_TRUE(found.ok()) << found.status().str();
  EXPECT_FALSE(found->has_value());
}

TEST(FindRecipe, ASmallFileThatIsNoMemberIsKeptInTheRecipe) {
  const auto files = small_model();
  files->pack("echo note >\"$D/note\" && tar -cf \"$A\" -C \"$D\" .");
  const std::string archive = bytes_of_file(files->archive());

  const auto found = find_in(archive, ArchiveFormat::Tar, *files);

  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_TRUE(made_by(**found, *files) == archive);
}

// What one registry makes is often what the next one gets.
TEST(FindRecipe, AnArchiveOfOursHasOne) {
  for (const ArchiveFormat format : {ArchiveFormat::Tar, ArchiveFormat::TarGz, ArchiveFormat::Zip}) {
    // The last makes the tar end where a block of deflate does: 2,048 bytes stand around the contents.
    for (const std::size_t size : {std::size_t{100'000}, std::size_t{512 * 65'535 - 2'048 - 65'536}}) {
      SyntheticSample sample;
      sample.directory("sub");
      sample.file("sub/a.bin", noise(size));
      sample.file("weights.bin", noise(65'536, 2));
      ModelFiles files;
      for (const ArchiveEntry& file : sample.files()) {
        if (file.type == FileType::Regular) files.add(file.path, sample.bytes(files.contents.size() + 1));
      }
      const std::string archive = read_whole(*laid_out(sample.files(), format), sample.reader());

      const auto found = find_in(archive, format, files);

      ASSERT_TRUE(found.ok()) << found.status().str();
      ASSERT_TRUE(found->has_value()) << size;
      EXPECT_TRUE(made_by(**found, files) == archive);
      EXPECT_LT((*found)->encode().size(), 2'000u);
    }
  }
}

TEST(FindRecipe, ContentsThatAreNotWhatTheyWereMakeNoRecipe) {
  const auto files = small_model();
  files->pack("tar -cf \"$A\" -C \"$D\" .");
  files->contents[3][5] ^= 1;

  const auto found = find_in(bytes_of_file(files->archive()), ArchiveFormat::Tar, *files);

  ASSERT_TRUE(found.ok()) << found.status().str();
  EXPECT_FALSE(found->has_value());
}

TEST(FindRecipe, WhatReadingFailsWithIsPassedOn) {
  const auto files = small_model();
  files->pack("tar -cf \"$A\" -C \"$D\" .");
  const std::string archive = bytes_of_file(files->archive());
  files->members[3].content = 1'000;  // there is none

  EXPECT_EQ(find_in(archive, ArchiveFormat::Tar, *files).code(), Code::NotFound);
}

TEST(FindRecipe, IsEndedByCancelling) {
  const ArchiveReadAt zeros = [](std::uint64_t, ByteSpan into) { return Result<std::size_t>(into.size()); };
  const std::atomic<bool> cancelled = true;

  EXPECT_EQ(find_recipe({zeros, 1'000'000, ArchiveFormat::Tar}, {}, {}, cancelled).code(), Code::Interrupted);
}

// What is compressed takes long, and is tried in memory: the end of a daemon must not wait for it.
TEST(FindRecipe, IsEndedWhileItTriesParameters) {
  const auto files = small_model();
  files->pack("tar -czf \"$A\" -C \"$D\" .");
  const std::string archive = bytes_of_file(files->archive());
  std::atomic<bool> cancelled = false;
  const ArchiveReadAt read = [&](std::uint64_t offset, ByteSpan into) -> Result<std::size_t> {
    const std::size_t at = std::min<std::size_t>(offset, archive.size());
    const std::size_t count = std::min(into.size(), archive.size() - at);
    std::copy_n(std::as_bytes(std::span(archive)).begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
    cancelled = count > 100'000;  // the beginning that the parameters are tried on
    return count;
  };

  EXPECT_EQ(
      find_recipe({read, archive.size(), ArchiveFormat::TarGz}, files->members, files->reader(), cancelled).code(),
      Code::Interrupted);
}

TEST(Rebuild, ContentsThatHaveChangedAreCorrupt) {
  const auto files = small_model();
  files->pack("tar -cf \"$A\" -C \"$D\" .");
  const auto found = find_in(bytes_of_file(files->archive()), ArchiveFormat::Tar, *files);
  ASSERT_TRUE(found.ok() && found->has_value());
  const auto rebuilt = [&] { return rebuild(**found, files->reader(), [](ByteView) { return Status(); }).code(); };
  ASSERT_EQ(rebuilt(), Code::Ok);

  files->contents[3][5] ^= 1;
  EXPECT_EQ(rebuilt(), Code::Corrupt);

  files->contents[3].pop_back();
  EXPECT_EQ(rebuilt(), Code::Corrupt);
}

TEST(Rebuild, WhatTheSinkFailsWithIsPassedOn) {
  const auto files = small_model();
  files->pack("tar -cf \"$A\" -C \"$D\" .");
  const auto found = find_in(bytes_of_file(files->archive()), ArchiveFormat::Tar, *files);
  ASSERT_TRUE(found.ok() && found->has_value());

  const Status status = rebuild(**found, files->reader(), [](ByteView) { return Status(Code::NoSpace, "full"); });

  EXPECT_EQ(status.code(), Code::NoSpace);
}

}  // namespace
}  // namespace modelfs
