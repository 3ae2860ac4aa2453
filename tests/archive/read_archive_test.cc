// What is read out of good archives, byte by byte, and what a damaged one never does.
#include "archive/read/read_archive.h"

#include <gtest/gtest.h>

#include <clocale>

#include "archive/building.h"
#include "archive/building_zip.h"
#include "archive/reading.h"

namespace modelfs {
namespace {

using std::string_literals::operator""s;

Reading read_tar_members(const std::string& members) { return read_bytes(members + tar_end(), ArchiveFormat::Tar); }

TEST(ReadTarTest, EmptyArchiveIsAnEmptyTree) {
  const Reading reading = read_bytes(std::string(10240, '\0'), ArchiveFormat::Tar);

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_TRUE(reading.tree.empty());
}

TEST(ReadTarTest, NamesAreNormalised) {
  const Reading reading = read_tar_members(tar_directory("./") + tar_directory("./d/") + tar_file("./d/./a", "1"));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_TRUE(reading.root_described);
  EXPECT_EQ(reading.root.mode, 0755u);
  EXPECT_EQ(reading.tree.at("d/a").content, "1");
  EXPECT_EQ(reading.tree.size(), 2u);
}

TEST(ReadTarTest, DirectoriesThatNobodyNamesAreImplied) {
  const Reading reading = read_tar_members(tar_file("a/b/c", "1"));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_TRUE(reading.tree.at("a").implied);
  EXPECT_TRUE(reading.tree.at("a/b").implied);
}

TEST(ReadTarTest, ADirectoryMayFollowItsChildren) {
  const Reading reading = read_tar_members(tar_file("d/a", "1") + tar_directory("d/"));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_FALSE(reading.tree.at("d").implied);
  EXPECT_EQ(reading.tree.at("d").mode, 0755u);
}

TEST(ReadTarTest, OnlyPermissionBitsOfADirectoryAreKept) {
  const Reading reading = read_tar_members(tar_member({.name = "d/", .kind = '5', .mode = "0003775"}));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("d").mode, 0775u);
}

TEST(ReadTarTest, TimesKeepTheirNanosecondsAndMayLieBefore1970) {
  const Reading reading = read_tar_members(tar_pax(pax_record("mtime", "1700000000.123456789")) + tar_file("a") +
                                           tar_member({.name = "b", .mtime = std::string(12, '\xff')}));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("a").mtime_ns, 1'700'000'000'123'456'789);
  EXPECT_EQ(reading.tree.at("b").mtime_ns, -1'000'000'000);
}

TEST(ReadTarTest, FractionsOfTimesBefore1970CountForward) {
  const auto member = [](const std::string& name, std::string_view mtime) {
    return tar_pax(pax_record("mtime", mtime)) + tar_file(name);
  };
  const Reading reading =
      read_tar_members(member("half", "-0.5") + member("more", "-1.25") + member("whole", "-2.000") +
                       member("fine", "-0.0000000001") + member("cut", "0.9999999999"));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("half").mtime_ns, -500'000'000);
  EXPECT_EQ(reading.tree.at("more").mtime_ns, -1'250'000'000);
  EXPECT_EQ(reading.tree.at("whole").mtime_ns, -2'000'000'000);
  EXPECT_EQ(reading.tree.at("fine").mtime_ns, -1);
  EXPECT_EQ(reading.tree.at("cut").mtime_ns, 999'999'999);
}

TEST(ReadTarTest, BinarySizesAreRead) {
  TarHeader header{.name = "a"};
  header.size = "\x80" + std::string(10, '\0') + "\3";
  const Reading reading = read_tar_members(header.bytes() + tar_padded("abc"));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("a").content, "abc");
}

TEST(ReadTarTest, PaxOverridesTheHeader) {
  const Reading reading =
      read_tar_members(tar_pax(pax_record("path", "größe/" + std::string(200, 'n')) + pax_record("size", "3")) +
                       TarHeader{.name = "short"}.bytes() + tar_padded("abc"));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("größe/" + std::string(200, 'n')).content, "abc");
}

TEST(ReadTarTest, AGlobalHeaderWithACommentIsPassedOver) {
  const Reading reading = read_tar_members(tar_pax(pax_record("comment", "0123abcd"), 'g') + tar_file("a", "1"));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.size(), 1u);
}

// NFD, which libarchive would make NFC under a UTF-8 locale, and not convert at all under others.
TEST(ReadTarTest, NamesPassByteForByteWhateverTheLocale) {
  const std::string name = "u\xcc\x88-\xe6\xa8\xa1";
  const std::string tar = tar_pax(pax_record("path", name)) + tar_file("x", "1") + tar_link('2', "s", name) +
                          tar_pax(pax_record("linkpath", name)) + tar_link('2', "t", "x") +
                          tar_file("plain-" + name, "2") + tar_end();
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* locale : {"C", "C.UTF-8", "en_US.ISO-8859-1"}) {
    std::setlocale(LC_ALL, locale);  // leaves it as it is where there is none
    const Reading reading = read_bytes(tar, ArchiveFormat::Tar);

    ASSERT_TRUE(reading.status.ok()) << locale << ": " << reading.status.str();
    EXPECT_EQ(reading.tree.at(name).content, "1") << locale;
    EXPECT_EQ(reading.tree.at("s").target, name) << locale;
    EXPECT_EQ(reading.tree.at("t").target, name) << locale;
    EXPECT_TRUE(reading.tree.contains("plain-" + name)) << locale;
  }
  std::setlocale(LC_ALL, before.c_str());
}

TEST(ReadTarTest, SymlinksThatStayInsideArePublished) {
  const Reading reading = read_tar_members(tar_directory("d/") + tar_directory("d/e/") + tar_link('2', "d/up", "..") +
                                           tar_link('2', "d/e/f", "../../later") + tar_file("later", "1") +
                                           tar_link('2', "dangling", "no/such/../thing") +
                                           tar_link('2', "through", "d/up/d/e") + tar_link('2', "root", "."));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("d/e/f").target, "../../later");
}

TEST(ReadTarTest, AChainOfFortySymlinksIsFollowedAndNoLongerOne) {
  const auto chain = [](int length) {
    std::string tar = tar_file("s0", "1");
    for (int i = 1; i <= length; ++i) tar += tar_link('2', "s" + std::to_string(i), "s" + std::to_string(i - 1));
    return tar;
  };

  EXPECT_TRUE(read_tar_members(chain(41)).status.ok());
  EXPECT_EQ(read_tar_members(chain(42)).status.code(), Code::Malformed);
}

TEST(ReadTarTest, AHardLinkToASymlinkIsTheSymlinkAgain) {
  const Reading reading = read_tar_members(tar_link('2', "a", "x") + tar_link('1', "b", "a"));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("b").type, FileType::Symlink);
  EXPECT_EQ(reading.tree.at("b").target, "x");
}

TEST(ReadTarTest, AHardLinkToAHardLinkLeadsToTheFile) {
  const Reading reading = read_tar_members(tar_file("a", "1") + tar_link('1', "b", "a") + tar_link('1', "c", "./b"));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("c").target, "a");
}

TEST(ReadTarTest, AnArchiveInsideIsAFile) {
  const std::string inner = gzipped(tar_file("../evil") + tar_end());
  const Reading reading = read_tar_members(tar_file("inner.tar.gz", inner));

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("inner.tar.gz").content, inner);
}

TEST(ReadTarTest, PaddingBehindTheEndMayBeOfAnySize) {
  for (const std::size_t size : {1u, 511u, 512u, 9216u, 1u << 20}) {
    EXPECT_TRUE(read_tar_members(tar_file("a", "1") + tar_end() + std::string(size, '\0')).status.ok()) << size;
  }
}

TEST(ReadStreamTest, OneTarMayBeInSeveralPartsAndHavePadding) {
  const std::string tar = tar_file("a", std::string(5000, 'x')) + tar_end();
  const std::string front = tar.substr(0, 1000), back = tar.substr(1000);

  EXPECT_TRUE(read_bytes(gzipped(front) + gzipped(back), ArchiveFormat::TarGz).status.ok());
  EXPECT_TRUE(read_bytes(gzipped(tar) + std::string(700, '\0'), ArchiveFormat::TarGz).status.ok());
  EXPECT_TRUE(read_bytes(gzipped(tar) + gzipped(""), ArchiveFormat::TarGz).status.ok());
  EXPECT_TRUE(
      read_bytes(zstandard(front) + "\x50\x2a\x4d\x18" + little(4, 4) + "skip" + zstandard(back), ArchiveFormat::TarZst)
          .status.ok());
}

TEST(ReadStreamTest, LargeContentComesWhole) {
  std::string content(10'000'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * i >> 7);
  const std::string tar = tar_file("a", content) + tar_file("b", "last") + tar_end();

  for (const auto& [bytes, format] : {std::pair(tar, ArchiveFormat::Tar), std::pair(gzipped(tar), ArchiveFormat::TarGz),
                                      std::pair(zstandard(tar), ArchiveFormat::TarZst)}) {
    const Reading reading = read_bytes(bytes, format);

    ASSERT_TRUE(reading.status.ok()) << reading.status.str();
    EXPECT_EQ(reading.tree.at("a").size_bytes, content.size());
    EXPECT_EQ(reading.tree.at("a").hole_bytes, 0u);
    EXPECT_EQ(reading.tree.at("b").content, "last");
  }
}

TEST(ReadZipTest, MembersOfEveryKindAreRead) {
  ZipBuilder zip;
  zip.add({.name = "d/", .attributes = 0040750u << 16 | 0x10});
  zip.add({.name = "d/stored", .content = "text", .attributes = 0100600u << 16});
  zip.add({.name = "d/deflated", .content = std::string(100'000, 'x'), .method = 8, .flags = 8});
  zip.add({.name = "link", .content = "d/stored", .attributes = 0120777u << 16});
  zip.add({.name = "größe",
           .flags = 1 << 11,
           .made_by = 20,
           .attributes = 0x20,
           .extra = zip_extra(0x5455, "\1" + little(1'700'000'000, 4))});
  const Reading reading = read_bytes(zip.bytes("a comment"), ArchiveFormat::Zip);

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("d").mode, 0750u);
  EXPECT_EQ(reading.tree.at("d/stored").mode, 0600u);
  EXPECT_EQ(reading.tree.at("d/stored").mtime_ns, 1'735'689'600'000'000'000);  // 2025-01-01
  EXPECT_EQ(reading.tree.at("d/deflated").size_bytes, 100'000u);
  EXPECT_EQ(reading.tree.at("link").target, "d/stored");
  EXPECT_EQ(reading.tree.at("größe").mode, 0644u);
  EXPECT_EQ(reading.tree.at("größe").mtime_ns, 1'700'000'000'000'000'000);
}

TEST(ReadZipTest, EveryFormOfADescriptorIsRead) {
  for (const bool is_signed : {false, true}) {
    for (const std::size_t width : {4u, 8u}) {
      const std::string text = "text!";
      const auto sum = ::crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
      const std::string descriptor =
          (is_signed ? "PK\7\10"s : ""s) + little(sum, 4) + little(5, width) + little(5, width);
      const Reading reading =
          read_bytes(zip_of({.name = "a", .content = text, .flags = 8, .behind = descriptor}), ArchiveFormat::Zip);

      EXPECT_TRUE(reading.status.ok()) << is_signed << width << reading.status.str();
    }
  }
}

TEST(ReadZipTest, Zip64IsRead) {
  ZipBuilder zip;
  zip.add({.name = "a",
           .content = "12345",
           .local_packed = 0xffffffff,
           .local_unpacked = 0xffffffff,
           .unpacked = 0xffffffff,
           .offset = 0xffffffff,
           .local_extra = zip_extra(1, little(5, 8) + little(5, 8)),
           .extra = zip_extra(1, little(5, 8) + little(0, 8))});
  const Reading reading = read_bytes(zip.bytes64(), ArchiveFormat::Zip);

  ASSERT_TRUE(reading.status.ok()) << reading.status.str();
  EXPECT_EQ(reading.tree.at("a").content, "12345");
}

TEST(ReadZipTest, AZip64FieldMayRepeatWhatTheEntrySays) {
  const std::string all = little(5, 8) + little(5, 8) + little(0, 8);
  for (const bool sizes_there : {false, true}) {
    ZipMember member{.name = "a", .content = "12345", .extra = zip_extra(1, all)};
    if (sizes_there) member.packed = member.unpacked = 0xffffffff;

    EXPECT_TRUE(read_bytes(zip_of(member), ArchiveFormat::Zip).status.ok()) << sizes_there;
  }
}

TEST(ReadZipTest, EmptyArchiveIsAnEmptyTree) {
  EXPECT_TRUE(read_bytes(ZipBuilder().bytes(), ArchiveFormat::Zip).status.ok());
  EXPECT_TRUE(read_bytes(ZipBuilder().bytes("empty"), ArchiveFormat::Zip).status.ok());
}

TEST(ReadArchiveTest, AnArchiveIsRecognisedByItsFirstBytes) {
  const std::string tar = tar_file("a") + tar_end();

  EXPECT_EQ(recognise_archive(bytes_of(tar)), ArchiveFormat::Tar);
  EXPECT_EQ(recognise_archive(bytes_of(gzipped(tar))), ArchiveFormat::TarGz);
  EXPECT_EQ(recognise_archive(bytes_of(zstandard(tar))), ArchiveFormat::TarZst);
  EXPECT_EQ(recognise_archive(bytes_of(zip_of({.name = "a"}))), ArchiveFormat::Zip);
  EXPECT_EQ(recognise_archive(bytes_of("text")), std::nullopt);
  EXPECT_EQ(recognise_archive({}), std::nullopt);
}

TEST(ReadArchiveTest, ABombIsRefusedByTheDefaultLimitsBeforeItIsUnpacked) {
  const std::string piece = zstandard(std::string(32 << 20, '\0'));
  TarHeader header{.name = "bomb"};
  header.size = octal(32ull << 30, 12);
  std::string bytes = zstandard(header.bytes());
  for (int i = 0; i < 1024; ++i) bytes += piece;

  const Reading reading = read_bytes(bytes, ArchiveFormat::TarZst);

  EXPECT_EQ(reading.status.code(), Code::TooLarge) << reading.status.str();
}

class RefusingSink final : public ArchiveSink {
 public:
  Status begin(const ArchiveMember&) override { return {}; }
  Status write(std::uint64_t, ByteView) override { return {Code::NoSpace, "full"}; }
  Status end(std::uint64_t) override { return {}; }
  Status describe(const ArchiveMember&) override { return {}; }
};

TEST(ReadArchiveTest, WhatTheSinkAnswersEndsTheReading) {
  const std::string tar = tar_file("a", std::string(4 << 20, 'x')) + tar_end();
  for (const auto& [bytes, format] : {std::pair(tar, ArchiveFormat::Tar), std::pair(gzipped(tar), ArchiveFormat::TarGz),
                                      std::pair(zip_of({.name = "a", .content = "x"}), ArchiveFormat::Zip)}) {
    MemorySource source(bytes);
    RefusingSink sink;

    EXPECT_EQ(read_archive(source, format, {}, sink).code(), Code::NoSpace);
  }
}

class FailingSource final : public ArchiveSource {
 public:
  explicit FailingSource(std::string_view bytes) : bytes_(bytes) {}
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) override {
    if (offset_bytes + into.size() > bytes_.size()) return Status(Code::IoError, "disk");
    std::memcpy(into.data(), bytes_.data() + offset_bytes, into.size());
    return into.size();
  }
  Result<std::uint64_t> size_bytes() override { return std::uint64_t{bytes_.size()}; }

 private:
  const std::string_view bytes_;
};

TEST(ReadArchiveTest, WhatTheSourceAnswersIsTheResult) {
  const std::string tar = tar_file("a", std::string(4 << 20, 'x')) + tar_end();
  FailingSource source(tar);
  RecordingSink sink;

  EXPECT_EQ(read_archive(source, ArchiveFormat::Tar, {}, sink).code(), Code::IoError);
}

}  // namespace
}  // namespace modelfs
