// Archives that are written in ways of their own, which GNU tar, bsdtar, Python, unzip and 7z all take, and which mean
// one thing.
#include <gtest/gtest.h>

#include "archive/archive_programs.h"
#include "archive/building.h"
#include "archive/building_zip.h"
#include "archive/reading.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

Reading read_tar_members(const std::string& members) { return read_bytes(members + tar_end(), ArchiveFormat::Tar); }

Reading read_zip(const std::string& bytes) { return read_bytes(bytes, ArchiveFormat::Zip); }

TEST(AlikeTarTest, TheRootMayBeSpeltInEveryWay) {
  for (const char* const root : {"/", "//", "", ".", "./", ".//", "./."}) {
    const Reading reading = read_tar_members(tar_directory(root) + tar_file("a", "1"));

    ASSERT_TRUE(reading.status.ok()) << "'" << root << "': " << reading.status.str();
    EXPECT_TRUE(reading.root_described) << "'" << root << "'";
    EXPECT_EQ(reading.tree.at("a").content, "1") << "'" << root << "'";
  }
}

TEST(AlikeTarTest, ADoubledSlashIsOne) {
  const Reading reading = read_tar_members(tar_directory("m//") + tar_file("m//s///a", "1") + tar_file(".//b", "2") +
                                           tar_link('1', "c", "m//s//a") + tar_link('2', "m//d", "s//a"));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("m/s/a").content, "1");
  EXPECT_EQ(reading.tree.at("b").content, "2");
  EXPECT_EQ(reading.tree.at("c").target, "m/s/a");
  EXPECT_EQ(reading.tree.at("m/d").target, "s//a");
}

TEST(AlikeTarTest, AnEqualDirectoryMayAppearAgain) {
  const Reading reading = read_tar_members(tar_directory("./") + tar_directory("/") + tar_directory("d/") +
                                           tar_file("d/a", "1") + tar_directory("d") + tar_directory("d//") +
                                           tar_file("e/a") + tar_directory("e/") + tar_directory("e/"));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("d").mode, 0755u);
  EXPECT_EQ(reading.tree.at("d/a").content, "1");
}

TEST(AlikeTarTest, OneZeroBlockIsAnEndWhereNothingFollows) {
  for (const std::size_t size : {512u, 513u, 1023u}) {
    const std::string tar = tar_file("a", "1") + std::string(size, '\0');
    for (const auto& [bytes, format] :
         {std::pair(tar, ArchiveFormat::Tar), std::pair(gzipped(tar), ArchiveFormat::TarGz)}) {
      const Reading reading = read_bytes(bytes, format);

      ASSERT_TRUE(reading.status.ok()) << size << reading.status.str();
      EXPECT_EQ(reading.tree.at("a").content, "1");
    }
  }
}

TEST(AlikeTarTest, ATimeMayBeWrittenAsPythonWritesFloats) {
  const auto member = [](const std::string& name, std::string_view mtime) {
    return tar_pax(pax_record("mtime", mtime)) + tar_file(name);
  };
  const Reading reading =
      read_tar_members(member("tiny", "1e-07") + member("before", "-2.5e-07") + member("huge", "1.7e+09") +
                       member("fine", "1E-300") + member("shifted", "12.345e1") + member("zero", "0e0"));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("tiny").mtime_ns, 100);
  EXPECT_EQ(reading.tree.at("before").mtime_ns, -250);
  EXPECT_EQ(reading.tree.at("huge").mtime_ns, 1'700'000'000'000'000'000);
  EXPECT_EQ(reading.tree.at("fine").mtime_ns, 0);
  EXPECT_EQ(reading.tree.at("shifted").mtime_ns, 123'450'000'000);
  EXPECT_EQ(reading.tree.at("zero").mtime_ns, 0);
}

TEST(AlikeZipTest, NamesAreNormalisedAsThoseOfATar) {
  ZipBuilder zip;
  zip.add({.name = "/", .attributes = 0040755u << 16});
  zip.add({.name = "./", .attributes = 0040755u << 16});
  zip.add({.name = "m//", .attributes = 0040755u << 16});
  zip.add({.name = "m/", .attributes = 0040755u << 16});
  zip.add({.name = "m//s/a", .content = "1"});
  const Reading reading = read_zip(zip.bytes());

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_TRUE(reading.root_described);
  EXPECT_EQ(reading.tree.at("m/s/a").content, "1");
}

TEST(AlikeZipTest, EveryNumberOfTheEndRecordMayBeLeftToZip64) {
  ZipBuilder zip;
  zip.add({.name = "a", .content = "12345"});
  const std::size_t at = zip.members().size() + zip.directory().size();
  const std::string record = ZipBuilder::end64_of(1, zip.directory().size(), zip.members().size(), at);
  const std::string left = ZipBuilder::end_of(0xffff, 0xffffffff, 0xffffffff);
  const std::string exact = zip.end();
  for (unsigned mask = 0; mask < 64; ++mask) {
    constexpr std::array<std::pair<std::size_t, std::size_t>, 6> kFields = {
        {{4, 2}, {6, 2}, {8, 2}, {10, 2}, {12, 4}, {16, 4}}};
    std::string end = exact;
    for (std::size_t i = 0; i < kFields.size(); ++i) {
      const auto [offset, size] = kFields[i];
      if ((mask >> i & 1) != 0) end.replace(offset, size, size, '\xff');
    }
    const Reading reading = read_zip(zip.members() + zip.directory() + record + end);

    ASSERT_TRUE(reading.status.ok()) << mask << reading.status.str();
    EXPECT_EQ(reading.tree.at("a").content, "12345");
  }
}

// The fields of both headers, in each combination of what they leave to zip64 and how much the zip64 field repeats.
TEST(AlikeZipTest, AZip64FieldMayHaveMoreThanIsAskedFor) {
  const std::string all = little(5, 8) + little(5, 8) + little(0, 8) + little(0, 4);
  for (const bool sizes_left : {false, true}) {
    for (const std::size_t central : {16u, 24u, 28u}) {
      for (const std::size_t local : {16u, 24u, 28u}) {
        ZipMember member{.name = "a", .content = "12345"};
        if (sizes_left) member.packed = member.unpacked = member.local_packed = member.local_unpacked = 0xffffffff;
        if (central == 28) member.disk = 0xffff;
        member.extra = zip_extra(1, all.substr(0, central));
        member.local_extra = zip_extra(1, all.substr(0, local));
        if (central == 28 && !sizes_left) continue;  // a reader would take the part from the first number
        const Reading reading = read_zip(zip_of(member));

        EXPECT_TRUE(reading.status.ok()) << sizes_left << " " << central << " " << local << " " << reading.status.str();
      }
    }
  }
}

TEST(AlikeZipTest, SizesOfALocalHeaderMayBeLeftToADescriptorInZip64) {
  for (const std::uint64_t says : {0u, 5u}) {
    for (const std::uint32_t narrow : {0u, 0xffffffffu}) {
      const Reading reading = read_zip(zip_of({.name = "a",
                                               .content = "12345",
                                               .flags = 8,
                                               .local_packed = narrow,
                                               .local_unpacked = narrow,
                                               .local_extra = zip_extra(1, little(says, 8) + little(says, 8))}));

      EXPECT_TRUE(reading.status.ok()) << says << " " << narrow << " " << reading.status.str();
    }
  }
}

TEST(AlikeZipTest, ZerosMayFollowAsFarAsAllReadersLook) {
  for (const bool commented : {false, true}) {
    ZipBuilder zip;
    zip.add({.name = "a", .content = "12345"});
    for (const std::size_t zeros : {1u, 512u, 10240u, 65535u - 7u}) {
      const Reading reading = read_zip(zip.bytes(commented ? "comment" : "") + std::string(zeros, '\0'));

      ASSERT_TRUE(reading.status.ok()) << zeros << reading.status.str();
      EXPECT_EQ(reading.tree.at("a").content, "12345");
    }
  }
}

// Info-ZIP notes of a member that came from its standard input that it is a pipe.
TEST(AlikeZipTest, AMemberFromAPipeIsAFile) {
  const Reading reading = read_zip(zip_of({.name = "-", .content = "text", .attributes = 0010600u << 16}));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("-").type, FileType::Regular);
  EXPECT_EQ(reading.tree.at("-").mode, 0600u);
  EXPECT_EQ(reading.tree.at("-").content, "text");
}

TEST(AlikeZipTest, InfoZipsStandardInputIsAMember) {
  NEEDS_PROGRAM("zip");
  const TemporaryDirectory folder;
  for (const char* const line :
       {"echo hello | zip -q a.zip -", "echo hello | zip -q - - > a.zip", "echo hello | zip -q -fz- a.zip -"}) {
    ASSERT_EQ(run_program("cd " + folder.path() + " && rm -f a.zip && " + line).exit_code, 0);
    const std::string bytes = run_program("cat " + folder.path() + "/a.zip").output;
    const Reading reading = read_zip(bytes);

    ASSERT_TRUE(reading.status.ok()) << line << ": " << reading.status.str();
    EXPECT_EQ(reading.tree.at("-").content, "hello\n") << line;
  }
}

// What a release may hold, an archive may.
TEST(AlikeTarTest, ExtendedAttributesHaveTheLimitsOfLinux) {
  const auto with = [](std::size_t name_bytes, std::size_t value_bytes) {
    const std::string key = "SCHILY.xattr.user." + std::string(name_bytes - 5, 'n');
    return read_tar_members(tar_pax(pax_record(key, std::string(value_bytes, 'v'))) + tar_file("a", "1")).status;
  };

  EXPECT_TRUE(with(255, 65'536).ok()) << with(255, 65'536).str();
  EXPECT_EQ(with(256, 1).code(), Code::TooLarge);
  EXPECT_EQ(with(6, 65'537).code(), Code::TooLarge);
}

TEST(AlikeTarTest, ControlCharactersAreCharacters) {
  const Reading reading =
      read_tar_members(tar_file("a\nb", "1") + tar_file("Icon\r", "2") + tar_file("a\x1b[2J", "3") +
                       tar_file("a\x7f\xc2\x85", "4") + tar_link('2', "s", "a\nb") + tar_link('1', "h", "Icon\r"));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("a\nb").content, "1");
  EXPECT_EQ(reading.tree.at("Icon\r").content, "2");
  EXPECT_EQ(reading.tree.at("a\x1b[2J").content, "3");
  EXPECT_EQ(reading.tree.at("a\x7f\xc2\x85").content, "4");
  EXPECT_EQ(reading.tree.at("s").target, "a\nb");
  EXPECT_EQ(reading.tree.at("h").target, "Icon\r");
}

TEST(AlikeZipTest, ControlCharactersAndABackslashOfUnixAreCharacters) {
  ZipBuilder zip;
  zip.add({.name = "Icon\r", .content = "1"});
  zip.add({.name = "..\\a\tb", .content = "2"});
  const Reading reading = read_zip(zip.bytes());

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("Icon\r").content, "1");
  EXPECT_EQ(reading.tree.at("..\\a\tb").content, "2");
}

TEST(AlikeTarTest, AnEmptyArchiveIsWhatAProgramWritesAsOne) {
  const std::string global = tar_pax(pax_record("comment", "0123abcd"), 'g');
  for (const std::string& tar : {std::string(1024, '\0'), std::string(10240, '\0'), global + std::string(9216, '\0')}) {
    const Reading reading = read_bytes(tar, ArchiveFormat::Tar);

    ASSERT_TRUE(reading.status.ok()) << tar.size() << reading.status.str();
    EXPECT_TRUE(reading.tree.empty());
    EXPECT_TRUE(read_bytes(gzipped(tar), ArchiveFormat::TarGz).status.ok());
  }
}

TEST(AlikeTarTest, ASymlinkThatLeavesIsRefusedBeforeItsArchiveEnds) {
  const std::string members = tar_directory("r/") + tar_link('2', "r/a", "./../../b") + tar_file("r/c", "1");
  const Reading reading = read_bytes(members, ArchiveFormat::Tar);

  EXPECT_EQ(reading.status.code(), Code::Malformed);
  EXPECT_NE(reading.status.message().find("leaves"), std::string::npos) << reading.status.str();
  EXPECT_FALSE(is_incomplete_archive(reading.status));
}

TEST(AlikeTarTest, WhatEndsEarlyIsToldFromWhatIsDamaged) {
  const std::string tar = tar_file("a", std::string(3000, 'x')) + tar_end();
  for (const auto& [bytes, format] :
       {std::pair(tar.substr(0, 2000), ArchiveFormat::Tar), std::pair(gzipped(tar).substr(0, 30), ArchiveFormat::TarGz),
        std::pair(zstandard(tar).substr(0, 30), ArchiveFormat::TarZst),
        std::pair(zip_of({.name = "a", .content = "text"}).substr(0, 50), ArchiveFormat::Zip),
        std::pair(std::string(3 << 20, '\0'), ArchiveFormat::Tar)}) {
    EXPECT_TRUE(is_incomplete_archive(read_bytes(bytes, format).status)) << read_bytes(bytes, format).status.str();
  }
  EXPECT_FALSE(is_incomplete_archive(read_bytes(flipped(tar, 10), ArchiveFormat::Tar).status));
  EXPECT_FALSE(is_incomplete_archive(read_bytes(tar + "x", ArchiveFormat::Tar).status));
}

}  // namespace
}  // namespace modelfs
