// Archives that are made on the fly beyond the sizes and counts that the formats began with.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <random>

#include "archive/archive_programs.h"
#include "archive/synthetic_sample.h"
#include "base/file.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr std::uint64_t kGiB = 1024 * kMiB;

// Content 0 is as many zeros as wanted; content 1 is "small".
const ContentReadAt kZerosOrSmall = [](std::uint32_t content, std::uint64_t offset, ByteSpan into) {
  if (content == 0) {
    std::memset(into.data(), 0, into.size());
  } else {
    std::memcpy(into.data(), std::string("small").data() + offset, into.size());
  }
  return Result<std::size_t>(into.size());
};

std::uint32_t crc_of_zeros(std::uint64_t count) {
  if (count == 0) return 0;
  const uLong half = crc_of_zeros(count / 2);
  uLong crc = ::crc32_combine(half, half, static_cast<z_off_t>(count / 2));
  if (count % 2 == 1) crc = ::crc32_z(crc, reinterpret_cast<const Bytef*>(""), 1);
  return static_cast<std::uint32_t>(crc);
}

ArchiveEntry zeros(const std::string& path, std::uint64_t size_bytes) {
  return {.path = path,
          .mode = 0644,
          .mtime = kSomeTime,
          .size_bytes = size_bytes,
          .crc32 = crc_of_zeros(size_bytes),
          .target = {},
          .content = 0,
          .link_to = {}};
}

ArchiveEntry small(const std::string& path) {
  ArchiveEntry file = zeros(path, 5);
  file.crc32 = hash_of(bytes_of("small")).crc32;
  file.content = 1;
  return file;
}

// Writes the first and the last MiB, and nothing between, where all is zero.
std::string sparse_archive(const TemporaryDirectory& directory, const ArchiveLayout& layout) {
  const std::string path = directory.path() + "/archive";
  const File file(::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600));
  EXPECT_EQ(::ftruncate(file.fd(), static_cast<off_t>(layout.size_bytes())), 0);
  for (const std::uint64_t from : {std::uint64_t{0}, layout.size_bytes() - kMiB}) {
    EXPECT_TRUE(write_at(file.fd(), from, bytes_of(read_piece(layout, kZerosOrSmall, from, kMiB))).ok());
  }
  return path;
}

void expect_output(const std::string& program, const std::string& line, const std::string& expected) {
  if (!has_program(program)) {
    std::cout << "left out: " << program << " is not installed\n";
    return;
  }
  const ProgramOutcome outcome = run_program(line);
  EXPECT_EQ(outcome.exit_code, 0) << line;
  EXPECT_EQ(outcome.output, expected) << line;
}

constexpr char kListTar[] =
    "import sys, tarfile\n"
    "for m in tarfile.open(sys.argv[1]): print(m.name, m.size)";
constexpr char kListZip[] =
    "import sys, zipfile\n"
    "z = zipfile.ZipFile(sys.argv[1])\n"
    "for i in z.infolist(): print(i.filename, i.file_size, i.compress_size, hex(i.CRC))\n"
    "print(z.read('z'))";

std::string python_line(const std::string& script, const std::string& archive) {
  return "python3 -c \"" + script + "\" " + archive;
}

TEST(LargeTar, AMemberAroundEightGibibytesIsListedAndWhatFollowsIsFound) {
  for (const std::uint64_t size : {8 * kGiB - 1, 8 * kGiB, 9 * kGiB + 1}) {
    SCOPED_TRACE(size);
    const TemporaryDirectory directory;
    const auto layout = laid_out({small("a"), zeros("big", size), small("z")}, ArchiveFormat::Tar);

    const std::string archive = sparse_archive(directory, *layout);

    expect_output("tar", "tar -tvf " + archive + " | awk '{print $6, $3}'",
                  "a 5\nbig " + std::to_string(size) + "\nz 5\n");
    expect_output("tar", "tar -xOf " + archive + " z", "small");
    expect_output("bsdtar", "bsdtar -tvf " + archive + " | awk '{print $9, $5}'",
                  "a 5\nbig " + std::to_string(size) + "\nz 5\n");
    expect_output("python3", python_line(kListTar, archive), "a 5\nbig " + std::to_string(size) + "\nz 5\n");
  }
}

TEST(LargeZip, AMemberAroundFourGibibytesIsListedAndWhatFollowsIsFound) {
  for (const std::uint64_t size : {4 * kGiB - 2, 4 * kGiB - 1, 4 * kGiB, 5 * kGiB + 1}) {
    SCOPED_TRACE(size);
    const TemporaryDirectory directory;
    const auto layout = laid_out({small("a"), zeros("big", size), small("z")}, ArchiveFormat::Zip);

    const std::string archive = sparse_archive(directory, *layout);

    const std::string text = std::to_string(size);
    char crc[16];
    std::snprintf(crc, sizeof crc, "0x%x", crc_of_zeros(size));
    expect_output("python3", python_line(kListZip, archive),
                  "a 5 5 0x7545ea13\nbig " + text + " " + text + " " + crc + "\nz 5 5 0x7545ea13\nb'small'\n");
    expect_output("bsdtar", "bsdtar -tvf " + archive + " | awk '{print $9, $5}'", "a 5\nbig " + text + "\nz 5\n");
    expect_output("bsdtar", "bsdtar -xOf " + archive + " z", "small");
    // Info-ZIP takes a true size of 2^32 - 1 for the mark of a larger one, and stumbles over the next entry.
    if (size == 4 * kGiB - 1) continue;
    expect_output("unzip", "unzip -l " + archive + " | awk 'NF == 4 {print $4, $1}'",
                  "Name Length\n---- ---------\na 5\nbig " + text + "\nz 5\n");
    expect_output("unzip", "unzip -p " + archive + " z", "small");
  }
}

TEST(LargeZip, ManyMembersAroundTheCountThatSixteenBitsHold) {
  for (const std::size_t count : {65'534u, 65'535u, 65'536u, 70'000u}) {
    SCOPED_TRACE(count);
    std::vector<ArchiveEntry> files;
    for (std::size_t i = 0; i < count; ++i) files.push_back(small("f" + std::to_string(i)));
    const TemporaryDirectory directory;
    const auto layout = laid_out(files, ArchiveFormat::Zip);
    const std::string archive = directory.path() + "/archive";
    const File file(::open(archive.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ASSERT_TRUE(write_at(file.fd(), 0, bytes_of(read_whole(*layout, kZerosOrSmall))).ok());

    const std::string text = std::to_string(count);
    expect_output("python3",
                  python_line("import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(len(z.infolist()), "
                              "z.read(z.namelist()[-1]))",
                              archive),
                  text + " b'small'\n");
    expect_output("unzip", "unzip -l " + archive + " | tail -n 1 | awk '{print $2}'", text + "\n");
    expect_output("unzip", "unzip -p " + archive + " f" + std::to_string(count - 1), "small");
    expect_output("bsdtar", "bsdtar -tf " + archive + " | wc -l", text + "\n");
  }
}

TEST(LargeGzip, TheSizeAtTheEndIsModuloTwoToTheThirtySecond) {
  const std::vector<ArchiveEntry> files = {zeros("big", 9 * kGiB)};
  const std::uint64_t tar_bytes = archive_size_bytes(files, ArchiveFormat::Tar);
  const auto layout = laid_out(files, ArchiveFormat::TarGz);

  const std::string trailer = read_piece(*layout, kZerosOrSmall, layout->size_bytes() - 4, 100);

  std::string expected;
  for (unsigned shift = 0; shift < 32; shift += 8) expected += static_cast<char>(tar_bytes >> shift & 0xff);
  EXPECT_EQ(trailer, expected);
}

// The byte of the pattern at an offset.
char pattern_at(std::uint64_t offset) { return static_cast<char>(offset * 0x9e3779b97f4a7c15 >> 56); }

TEST(LargeGzip, FarInItShowsTheBytesOfTheTar) {
  const std::vector<ArchiveEntry> files = {zeros("big", 9 * kGiB)};
  const auto gzip = laid_out(files, ArchiveFormat::TarGz);
  const ContentReadAt pattern = [](std::uint32_t, std::uint64_t offset, ByteSpan into) {
    for (std::byte& byte : into) byte = static_cast<std::byte>(pattern_at(offset++));
    return Result<std::size_t>(into.size());
  };
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  constexpr std::uint64_t kBlock = 65'535;       // of stored bytes, 5 bytes before each, 10 before all
  constexpr std::uint64_t kTarHeader = 3 * 512;  // a pax header for the size and the time, its records, the header

  for (int round = 0; round < 1'000; ++round) {
    const std::uint64_t block = 1 + random() % (9 * kGiB / kBlock - 1);
    const std::uint64_t at = random() % (kBlock - 100);
    const std::string piece = read_piece(*gzip, pattern, 10 + block * (5 + kBlock) + 5 + at, 100);
    std::string expected;
    for (std::uint64_t i = 0; i < 100; ++i) expected += pattern_at(block * kBlock + at - kTarHeader + i);
    ASSERT_EQ(piece, expected) << "block " << block << " at " << at;
  }
}

class ManyMembers : public testing::TestWithParam<ArchiveFormat> {};
INSTANTIATE_TEST_SUITE_P(, ManyMembers, testing::Values(ArchiveFormat::Tar, ArchiveFormat::TarGz, ArchiveFormat::Zip),
                         name_of_format);

TEST_P(ManyMembers, AHundredThousandCostLittleMemoryAndAreReadAtRandom) {
  constexpr std::size_t kCount = 100'000;
  std::vector<ArchiveEntry> files;
  for (std::size_t i = 0; i < kCount; ++i) {
    files.push_back(i % 2 == 0 ? small("variables/shard-" + std::to_string(i))
                               : zeros("weights/" + std::to_string(i), i));
  }

  const auto layout = laid_out(files, GetParam());

  EXPECT_LT(layout->memory_bytes(), 150 * kCount);
  EXPECT_EQ(archive_size_bytes(files, GetParam()), layout->size_bytes());
  const std::uint64_t somewhere = layout->size_bytes() / 3;
  const std::string piece = read_piece(*layout, kZerosOrSmall, somewhere, 3 * kMiB);
  for (std::uint64_t at = 0; at + 1'000 < piece.size(); at += 99'991) {
    EXPECT_EQ(read_piece(*layout, kZerosOrSmall, somewhere + at, 1'000), piece.substr(at, 1'000));
  }
}

}  // namespace
}  // namespace modelfs
