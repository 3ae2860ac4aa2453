#include "archive/write/synthetic_archive.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "archive/synthetic_sample.h"

namespace modelfs {
namespace {

class SyntheticArchive : public testing::TestWithParam<ArchiveFormat> {};
INSTANTIATE_TEST_SUITE_P(, SyntheticArchive,
                         testing::Values(ArchiveFormat::Tar, ArchiveFormat::TarGz, ArchiveFormat::Zip), name_of_format);

TEST_P(SyntheticArchive, IsAsLongAsItSaid) {
  const SyntheticSample sample = small_sample();
  const auto layout = laid_out(sample.files(), GetParam());

  const std::string whole = read_whole(*layout, sample.reader());

  EXPECT_EQ(whole.size(), layout->size_bytes());
  EXPECT_EQ(archive_size_bytes(sample.files(), GetParam()), layout->size_bytes());
}

TEST_P(SyntheticArchive, EveryReadShowsWhatAReadOfTheWholeShows) {
  const SyntheticSample sample = small_sample();
  const auto layout = laid_out(sample.files(), GetParam());
  const std::string whole = read_whole(*layout, sample.reader());
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);

  for (int round = 0; round < 20'000; ++round) {
    const std::uint64_t offset = random() % (whole.size() + 100);
    // Mostly as long as a header, so that many reads begin and end within one.
    const std::size_t size = random() % (round % 10 == 0 ? whole.size() : 700) + 1;
    const std::string expected = offset < whole.size() ? whole.substr(offset, size) : "";
    ASSERT_EQ(read_piece(*layout, sample.reader(), offset, size), expected) << size << " bytes at " << offset;
  }
}

TEST_P(SyntheticArchive, ByteByByteItIsTheSame) {
  SyntheticSample sample;
  sample.file("a", "abc");
  sample.symlink("b", "a");
  const auto layout = laid_out(sample.files(), GetParam());
  const std::string whole = read_whole(*layout, sample.reader());

  std::string bytes;
  for (std::uint64_t at = 0; at < whole.size(); ++at) bytes += read_piece(*layout, sample.reader(), at, 1);

  EXPECT_EQ(bytes, whole);
}

TEST_P(SyntheticArchive, EndsAtItsEnd) {
  const SyntheticSample sample = small_sample();
  const auto layout = laid_out(sample.files(), GetParam());

  EXPECT_EQ(read_piece(*layout, sample.reader(), layout->size_bytes() - 3, 100).size(), 3u);
  EXPECT_EQ(read_piece(*layout, sample.reader(), layout->size_bytes(), 100), "");
  EXPECT_EQ(read_piece(*layout, sample.reader(), ~std::uint64_t{0}, 100), "");
  EXPECT_EQ(read_piece(*layout, sample.reader(), 10, 0), "");
}

TEST_P(SyntheticArchive, AContentThatEndsEarlyIsCorruptAndNamesTheFile) {
  SyntheticSample sample = small_sample();
  const auto layout = laid_out(sample.files(), GetParam());
  sample.content(3).resize(99'999);
  std::string buffer(layout->size_bytes(), '\0');

  const auto got = layout->read_at(0, std::as_writable_bytes(std::span(buffer)), sample.reader());

  EXPECT_EQ(got.code(), Code::Corrupt);
  EXPECT_NE(got.status().message().find("'sub/weights.bin' ends after 99999 of its 100000 bytes"), std::string::npos)
      << got.status().message();
}

TEST_P(SyntheticArchive, WhatAContentFailsWithIsPassedOn) {
  const SyntheticSample sample = small_sample();
  const auto layout = laid_out(sample.files(), GetParam());
  const ContentReadAt broken = [](std::uint32_t, std::uint64_t, ByteSpan) -> Result<std::size_t> {
    return Status(Code::IoError, "the disk");
  };
  std::string buffer(layout->size_bytes(), '\0');

  EXPECT_EQ(layout->read_at(0, std::as_writable_bytes(std::span(buffer)), broken).code(), Code::IoError);
}

TEST_P(SyntheticArchive, FileBytesGoStraightIntoTheCallersBuffer) {
  SyntheticSample sample;
  sample.file("big", noise(1'000'000));
  const auto layout = laid_out(sample.files(), GetParam());
  std::string buffer(layout->size_bytes(), '\0');
  const auto inside = [&](ByteSpan into) {
    const char* const begin = reinterpret_cast<const char*>(into.data());
    return begin >= buffer.data() && begin + into.size() <= buffer.data() + buffer.size();
  };
  std::size_t direct_bytes = 0;
  const ContentReadAt watched = [&](std::uint32_t number, std::uint64_t offset, ByteSpan into) {
    if (inside(into)) direct_bytes += into.size();
    return sample.reader()(number, offset, into);
  };

  ASSERT_TRUE(layout->read_at(0, std::as_writable_bytes(std::span(buffer)), watched).ok());

  EXPECT_EQ(direct_bytes, 1'000'000u);
}

TEST_P(SyntheticArchive, ALinkToALaterFileOrToADirectoryOrToALinkIsRefused) {
  const auto make = [&](std::uint32_t to, std::uint32_t from) {
    SyntheticSample sample;
    sample.directory("0");
    sample.file("1", "one");
    sample.hard_link("2", 1);
    std::vector<ArchiveEntry> files = sample.files();
    files.push_back({.path = "3", .target = {}, .link_to = {}});
    files[from].link_to = to;
    return ArchiveLayout::make(files, GetParam()).code();
  };

  EXPECT_EQ(make(1, 3), Code::Ok);
  EXPECT_EQ(make(0, 3), Code::InvalidArgument);
  EXPECT_EQ(make(2, 3), Code::InvalidArgument);
  EXPECT_EQ(make(3, 3), Code::InvalidArgument);
  EXPECT_EQ(make(3, 1), Code::InvalidArgument);
  EXPECT_EQ(make(9, 3), Code::InvalidArgument);
  EXPECT_EQ(make(1, 0), Code::InvalidArgument);
}

// The same list, with each path said beneath its directory.
std::vector<ArchiveEntry> nested(std::vector<ArchiveEntry> files) {
  std::map<std::string, std::uint32_t> directories;
  for (std::uint32_t i = 0; i < files.size(); ++i) {
    const std::string path = files[i].path;
    if (const std::size_t slash = path.rfind('/'); slash != std::string::npos) {
      files[i].in = directories.at(path.substr(0, slash));
      files[i].path = path.substr(slash + 1);
    }
    if (files[i].type == FileType::Directory) directories[path] = i;
  }
  return files;
}

TEST_P(SyntheticArchive, IsTheSameWhetherPathsAreWholeOrBeneathTheirDirectories) {
  SyntheticSample sample;
  sample.directory("a");
  sample.directory("a/b");
  sample.directory("a/b/c");
  sample.file("a/b/c/weights", std::string(5000, 'w'));
  sample.hard_link("a/b/c/weights-too", 3);
  sample.symlink("a/b/to", "c/weights");
  sample.file("a/last", "x");
  sample.file("top", "y");
  const auto flat = laid_out(sample.files(), GetParam());

  const auto deep = laid_out(nested(sample.files()), GetParam());

  EXPECT_EQ(deep->size_bytes(), flat->size_bytes());
  EXPECT_EQ(archive_size_bytes(nested(sample.files()), GetParam()), flat->size_bytes());
  EXPECT_EQ(read_whole(*deep, sample.reader()), read_whole(*flat, sample.reader()));
}

TEST_P(SyntheticArchive, CostsMemoryByItsEntriesHoweverDeepTheyAre) {
  constexpr std::uint32_t kDepth = 120;
  constexpr std::uint32_t kFiles = 2000;
  std::vector<ArchiveEntry> files;
  for (std::uint32_t i = 0; i < kDepth + kFiles; ++i) {
    ArchiveEntry file;
    file.path = "a name of thirty bytes " + std::to_string(1'000'000 + i);
    file.type = i < kDepth ? FileType::Directory : FileType::Regular;
    file.in = i == 0 ? ArchiveEntry::kRoot : std::min(i, kDepth) - 1;
    files.push_back(std::move(file));
  }

  const auto layout = laid_out(files, GetParam());

  EXPECT_LT(layout->memory_bytes(), files.size() * 300);
}

TEST_P(SyntheticArchive, WhatIsNotBeneathAnEarlierDirectoryIsRefused) {
  const auto made_with = [&](std::uint32_t in) {
    std::vector<ArchiveEntry> files(3);
    files[0].path = "directory";
    files[0].type = FileType::Directory;
    files[1].path = "file";
    files[2].path = "member";
    files[2].in = in;
    return ArchiveLayout::make(files, GetParam()).code();
  };
  EXPECT_EQ(made_with(0), Code::Ok);
  EXPECT_EQ(made_with(1), Code::InvalidArgument) << "a file";
  EXPECT_EQ(made_with(2), Code::InvalidArgument) << "itself";
  EXPECT_EQ(made_with(3), Code::InvalidArgument) << "nothing";
}

TEST_P(SyntheticArchive, HasWholePathsUpToALimit) {
  const auto made_with = [&](std::size_t name_bytes) {
    std::vector<ArchiveEntry> files(2);
    files[0].path = std::string(name_bytes, 'd');
    files[0].type = FileType::Directory;
    files[1].path = "f";
    files[1].in = 0;
    return ArchiveLayout::make(files, GetParam()).code();
  };
  EXPECT_EQ(made_with(ArchiveLayout::kPathBytesMax - 2), Code::Ok);
  EXPECT_EQ(made_with(ArchiveLayout::kPathBytesMax - 1), Code::NameTooLong);
}

TEST_P(SyntheticArchive, PathsThatNoArchiveCanSayAreRefused) {
  const auto make = [&](const std::string& path) {
    SyntheticSample sample;
    sample.file(path, "");
    return ArchiveLayout::make(sample.files(), GetParam()).code();
  };

  EXPECT_EQ(make(""), Code::InvalidArgument);
  EXPECT_EQ(make("/a"), Code::InvalidArgument);
  EXPECT_EQ(make("a/"), Code::InvalidArgument);
  EXPECT_EQ(make(std::string("a\0b", 3)), Code::InvalidArgument);
  EXPECT_EQ(make(std::string(65'000, 'a')), Code::Ok);
  EXPECT_EQ(make(std::string(65'001, 'a')), Code::NameTooLong);
}

TEST_P(SyntheticArchive, SizesThatOverflowAreRefused) {
  const auto make = [&](std::uint64_t size_bytes) {
    const ArchiveEntry file{.path = "a", .size_bytes = size_bytes, .target = {}, .link_to = {}};
    ArchiveEntry other = file;
    other.path = "b";
    return ArchiveLayout::make({file, other}, GetParam()).code();
  };

  EXPECT_EQ(make(std::uint64_t{1} << 60), Code::Ok);
  EXPECT_EQ(make(std::uint64_t{1} << 61), Code::TooLarge);
  EXPECT_EQ(make(~std::uint64_t{0}), Code::TooLarge);
}

TEST(ArchiveLayoutTest, ZstdIsNotMadeOnTheFly) {
  EXPECT_EQ(ArchiveLayout::make({}, ArchiveFormat::TarZst).code(), Code::Unsupported);
}

// These bytes are a promise: whoever downloaded an archive gets the same one again from every version of modelfs.
TEST(ArchiveLayoutTest, TheBytesNeverChange) {
  const SyntheticSample sample = small_sample();
  const auto digest = [&](ArchiveFormat format) {
    return hash_of(bytes_of(read_whole(*laid_out(sample.files(), format), sample.reader()))).digest.hex();
  };

  EXPECT_EQ(digest(ArchiveFormat::Tar), "11bef9ebe2cee891e4c1cb04366d694c2f8024c9b075284a546a3fb6abea441b");
  EXPECT_EQ(digest(ArchiveFormat::TarGz), "1b3db1fa6eda809e2460e6f9dffc586ec4842921319f1e4bbbb0982d5805e9ff");
  EXPECT_EQ(digest(ArchiveFormat::Zip), "c641ae8df57486cba316d87a8f16d6f599ac4107a878ae15d1e9b64883f38605");
}

TEST(ArchiveLayoutTest, AnEmptyTreeIsTwoBlocksOfZerosInOneRecord) {
  const auto layout = laid_out({}, ArchiveFormat::Tar);

  EXPECT_EQ(read_whole(*layout, {}), std::string(10'240, '\0'));
}

TEST(ArchiveLayoutTest, AnEmptyZipIsItsEndRecord) {
  const auto layout = laid_out({}, ArchiveFormat::Zip);

  EXPECT_EQ(read_whole(*layout, {}), std::string("PK\5\6", 4) + std::string(18, '\0'));
}

}  // namespace
}  // namespace modelfs
