// Zips that have to be refused.
#pragma once
#include "archive/building_zip.h"
#include "archive/hostile_archives.h"

namespace modelfs {

inline HostileArchive bad_zip(std::string name, const ZipMember& member, std::string word,
                              Code code = Code::Malformed) {
  return {std::move(name), ArchiveFormat::Zip, zip_of(member), code, std::move(word)};
}
inline HostileArchive bad_zip_bytes(std::string name, std::string bytes, std::string word) {
  return {std::move(name), ArchiveFormat::Zip, std::move(bytes), Code::Malformed, std::move(word)};
}

// What one member may not be.
inline std::vector<HostileArchive> hostile_zips() {
  using std::string_literals::operator""s;
  const std::string text = "some text, some text, some text";
  const auto mode = [](std::uint32_t unix_mode) { return ZipMember{.name = "a", .attributes = unix_mode << 16}; };
  const std::string two_sizes = little(5, 8) + little(6, 8);
  return {
      bad_zip("ZipAbsoluteName", {.name = "/a"}, "absolute"),
      bad_zip("ZipUpwards", {.name = "../a"}, "'..'"),
      bad_zip("ZipBackslashOfDos", {.name = "..\\a", .made_by = 20, .attributes = 0}, "backslash"),
      bad_zip("ZipSymlinkTargetWithNul", {.name = "a", .content = "b\0c"s, .attributes = 0120777u << 16}, "NUL"),
      bad_zip("ZipEmptyName", {.name = ""}, "empty"),
      bad_zip("ZipNameWithNul", {.name = "a\0.txt"s}, "NUL"),
      bad_zip("ZipNameNotUtf8",
              {.name = "gr\x94\x81"
                       "e"},
              "UTF-8"),
      bad_zip("ZipSymlinkAbsolute", {.name = "a", .content = "/etc/passwd", .attributes = 0120777u << 16}, "absolute"),
      bad_zip("ZipSymlinkOutside", {.name = "a", .content = "../x", .attributes = 0120777u << 16}, "leaves"),
      bad_zip("ZipSymlinkEmpty", {.name = "a", .attributes = 0120777u << 16}, "no target"),
      bad_zip("ZipSymlinkOfAMegabyte",
              {.name = "a", .content = std::string(1 << 20, 't'), .method = 8, .attributes = 0120777u << 16},
              "too long"),
      bad_zip("ZipDevice", mode(0020666), "device"),
      bad_zip("ZipSocket", mode(0140666), "socket"),
      bad_zip("ZipSetuid", mode(0104755), "setuid"),
      bad_zip("ZipSetgid", mode(0102755), "setgid"),
      bad_zip("ZipDirectoryWithoutItsSlash", mode(0040755), "differ in whether"),
      bad_zip("ZipFileWithASlash", {.name = "a/"}, "differ in whether"),
      bad_zip("ZipDosDirectoryWithoutItsSlash", {.name = "a", .made_by = 20, .attributes = 0x10}, "differ in whether"),
      bad_zip("ZipDirectoryWithContent", {.name = "a/", .content = "x", .attributes = 0040755u << 16}, "content"),
      bad_zip("ZipEncrypted", {.name = "a", .content = text, .flags = 1}, "encrypted"),
      bad_zip("ZipStronglyEncrypted", {.name = "a", .content = text, .flags = 1 << 6 | 1}, "encrypted"),
      bad_zip("ZipMaskedDirectory", {.name = "a", .flags = 1 << 13}, "encrypted"),
      bad_zip("ZipPatchedData", {.name = "a", .flags = 1 << 5}, "flags"),
      bad_zip("ZipMethodDeflate64", {.name = "a", .content = text, .method = 9}, "Deflate64 (9)"),
      bad_zip("ZipMethodLzma", {.name = "a", .content = text, .method = 14}, "LZMA (14)"),
      bad_zip("ZipMethodZstd", {.name = "a", .content = text, .method = 93}, "zstd (93)"),
      bad_zip("ZipMethodUnknown", {.name = "a", .content = text, .method = 4}, "method is 4,"),
      bad_zip("ZipOtherLocalName", {.name = "a", .local_name = "b"}, "differ in its name"),
      bad_zip("ZipLongerLocalName", {.name = "a", .local_name = "a/b"}, "differ in its name"),
      bad_zip("ZipOtherLocalMethod", {.name = "a", .content = text, .local_method = 8}, "compression method"),
      bad_zip("ZipOtherLocalFlags", {.name = "a", .flags = 1 << 11, .local_flags = 0}, "flags"),
      bad_zip("ZipOtherLocalChecksum", {.name = "a", .content = text, .local_crc = 1}, "differ in its checksum"),
      bad_zip("ZipOtherLocalSize", {.name = "a", .content = text, .local_unpacked = 5}, "differ in its size"),
      bad_zip("ZipOtherLocalPackedSize", {.name = "a", .content = text, .method = 8, .local_packed = 5},
              "differ in its size"),
      bad_zip("ZipLocalSizesLeftToNothing", {.name = "a", .content = text, .local_packed = 0, .local_unpacked = 0},
              "size"),
      bad_zip("ZipWrongChecksum", {.name = "a", .content = text, .local_crc = 1, .crc = 1}, "wrong checksum"),
      bad_zip("ZipMoreContentThanItSays",
              {.name = "a", .content = "1", .method = 8, .packed_content = deflated(text, -15)}, "more bytes"),
      bad_zip("ZipLessContentThanItSays",
              {.name = "a", .content = text, .method = 8, .packed_content = deflated("1", -15)}, "fewer bytes"),
      bad_zip("ZipStoredWithTwoSizes", {.name = "a", .content = text, .packed_content = text + "!"}, "more bytes"),
      bad_zip("ZipDeflatedRubbish", {.name = "a", .content = text, .method = 8, .packed_content = "\xff\xff\xff\xff"},
              "damaged"),
      bad_zip("ZipDeflatedCutOff",
              {.name = "a", .content = text, .method = 8, .packed_content = deflated(text, -15).substr(0, 5)},
              "damaged"),
      bad_zip("ZipBytesBehindTheDeflated",
              {.name = "a", .content = text, .method = 8, .packed_content = deflated(text, -15) + "x"}, "ends before"),
      bad_zip("ZipDescriptorMissing", {.name = "a", .content = text, .flags = 8, .behind = ""}, "descriptor"),
      bad_zip(
          "ZipDescriptorWithAnotherChecksum",
          {.name = "a", .content = "x", .flags = 8, .behind = "PK\7\10" + little(7, 4) + little(1, 4) + little(1, 4)},
          "descriptor"),
      bad_zip("ZipDescriptorWithAnotherSize",
              {.name = "a", .flags = 8, .behind = "PK\7\10" + little(0, 4) + little(0, 4) + little(1, 4)},
              "descriptor"),
      bad_zip("ZipDescriptorNotAskedFor", {.name = "a", .behind = "PK\7\10" + little(0, 12)}, "belongs to no member"),
      bad_zip("ZipDescriptorOfAnOddSize", {.name = "a", .flags = 8, .behind = "PK\7\10" + little(0, 4) + "123"},
              "descriptor"),
      bad_zip("Zip64FieldMissing", {.name = "a", .content = "12345", .unpacked = 0xffffffff}, "zip64"),
      bad_zip("Zip64FieldThatContradictsTheEntry", {.name = "a", .content = "12345", .extra = zip_extra(1, two_sizes)},
              "zip64"),
      bad_zip("Zip64SizeThatLies",
              {.name = "a", .content = "12345", .unpacked = 0xffffffff, .extra = zip_extra(1, little(6, 8))}, "size"),
      bad_zip("Zip64HugeSize",
              {.name = "a", .content = "12345", .unpacked = 0xffffffff, .extra = zip_extra(1, little(1ull << 62, 8))},
              "bytes", Code::TooLarge),
      bad_zip("Zip64LocalSizeThatLies",
              {.name = "a", .content = "12345", .local_extra = zip_extra(1, little(6, 8) + little(5, 8))}, "size"),
      bad_zip("Zip64PlaceBeyondTheArchive",
              {.name = "a", .content = "12345", .offset = 0xffffffff, .extra = zip_extra(1, little(1ull << 63, 8))},
              "before its first"),
      bad_zip(
          "Zip64FieldOfWhichReadersTakeDifferentNumbers",
          {.name = "a", .content = "12345", .offset = 0xffffffff, .extra = zip_extra(1, little(5, 8) + little(0, 8))},
          "zip64"),
      bad_zip("Zip64FieldWithAnotherPart",
              {.name = "a",
               .content = "12345",
               .extra = zip_extra(1, two_sizes.substr(0, 8) + little(5, 8) + little(0, 8) + little(1, 4))},
              "zip64"),
      bad_zip(
          "Zip64FieldThatIsTooLong",
          {.name = "a", .content = "12345", .extra = zip_extra(1, little(5, 8) + little(5, 8) + little(0, 12) + "x")},
          "zip64"),
      bad_zip(
          "Zip64LocalFieldWithAnotherPlace",
          {.name = "a", .content = "12345", .local_extra = zip_extra(1, little(5, 8) + little(5, 8) + little(9, 8))},
          "size"),
      bad_zip("ZipInAnotherPart", {.name = "a", .disk = 1}, "another part"),
      bad_zip("ZipSecondNameInAnExtraField", {.name = "a", .extra = zip_extra(0x7075, "\1" + little(0, 4) + "b")},
              "second name"),
      bad_zip("ZipExtraFieldTwice",
              {.name = "a", .extra = zip_extra(0x5455, "\1" + little(1, 4)) + zip_extra(0x5455, "\1" + little(2, 4))},
              "twice"),
      bad_zip("ZipExtraFieldTooLong", {.name = "a", .extra = little(0x5455, 2) + little(99, 2)}, "longer than"),
      bad_zip("ZipExtraFieldsThatDoNotEnd", {.name = "a", .extra = "ab"}, "do not end"),
  };
}

// What the archive around the members may not be.
inline std::vector<HostileArchive> hostile_zip_structures() {
  const ZipMember a{.name = "a", .content = "first text"}, b{.name = "b", .content = "second text"};
  ZipBuilder two;
  two.add(a);
  const std::size_t second = two.add(b);
  const std::string good = two.bytes(), directory = two.directory(), members = two.members();
  const auto begin = members.size();
  const auto ended = [&](std::uint64_t count, std::uint64_t size, std::uint64_t at) {
    return members + directory + ZipBuilder::end_of(count, size, at);
  };
  const auto ended64 = [&](std::uint64_t count, std::uint64_t size, std::uint64_t at, std::uint64_t record) {
    return members + directory + ZipBuilder::end64_of(count, size, at, record) +
           ZipBuilder::end_of(2, directory.size(), begin);
  };
  ZipBuilder same, duplicate, quilt, hidden, gap, unlisted;
  same.add(a);
  ZipMember again = b;
  again.offset = 0;
  same.add(again);
  duplicate.add(a);
  duplicate.add(a);
  // One member's content is the next one with its header: each byte is unpacked many times.
  const std::string kernel = zip_of(b).substr(0, 30 + 1 + b.content.size());
  quilt.add({.name = "a", .content = kernel});
  ZipMember inner = b;
  inner.offset = 31;
  quilt.add(inner);
  hidden.add(a);
  hidden.put(zip_of(b).substr(0, 30 + 1 + b.content.size()));
  gap.add(a);
  gap.put("rubbish");
  gap.add(b);
  unlisted.put("rubbish");
  unlisted.add(a);
  const std::string record = ZipBuilder::end_of(0, 0, 0);
  return {
      bad_zip_bytes("ZipOverlap", same.bytes(), "overlap"),
      bad_zip_bytes("ZipQuilt", quilt.bytes(), "overlap"),
      bad_zip_bytes("ZipTheSameMemberTwice", duplicate.bytes(), "twice"),
      bad_zip_bytes("ZipMemberNotInTheDirectory", hidden.bytes(), "belongs to no member"),
      bad_zip_bytes("ZipRubbishBetweenMembers", gap.bytes(), "belongs to no member"),
      bad_zip_bytes("ZipRubbishInFront", unlisted.bytes(), "no known format"),
      bad_zip_bytes(
          "ZipFirstMemberNotInTheDirectory",
          members + directory.substr(directory.size() / 2) + ZipBuilder::end_of(1, directory.size() / 2, begin),
          "before its first member"),
      bad_zip_bytes("ZipASecondArchiveAppended", good + good, "before"),
      bad_zip_bytes("ZipTextBehindTheEnd", good + "text", "follows its end record"),
      bad_zip_bytes("ZipMoreZerosBehindTheEndThanAllReadersSkip", good + std::string(65536, '\0'), "no end record"),
      bad_zip_bytes("ZipTextBehindZeros", good + std::string(512, '\0') + "text", "follows its end record"),
      bad_zip_bytes("ZipCommentLongerThanItSays", two.bytes("comment").substr(0, good.size()) + "comment and more",
                    "follows its end record"),
      bad_zip_bytes("ZipCommentCutOff", two.bytes("comment").substr(0, good.size() + 3), "follows its end record"),
      bad_zip_bytes("ZipEndRecordInTheComment", two.bytes(record), "two end records"),
      bad_zip_bytes("ZipEndRecordInTheCommentThatDoesNotFit", two.bytes(record + "more"), "comment holds another"),
      bad_zip_bytes("ZipNoEndRecord", members + directory, "no end record"),
      bad_zip_bytes("ZipOnlyMembers", members, "no end record"),
      bad_zip_bytes("ZipFewerEntriesThanItSays", ended(3, directory.size(), begin), "fewer entries"),
      bad_zip_bytes("ZipMoreEntriesThanItSays", ended(1, directory.size(), begin), "more in its directory"),
      bad_zip_bytes("ZipDirectoryElsewhere", ended(2, directory.size(), begin - 1), "directory"),
      bad_zip_bytes("ZipDirectoryBehindTheEnd", ended(2, directory.size(), 0x7fffffff), "directory"),
      bad_zip_bytes("ZipDirectorySizeThatLies", ended(2, directory.size() + 1, begin), "directory"),
      bad_zip_bytes("ZipOfSeveralParts",
                    members + directory + "PK\5\6" + little(1, 2) + little(0, 2) +
                        ZipBuilder::end_of(2, directory.size(), begin).substr(8),
                    "several parts"),
      bad_zip_bytes("ZipDiskNumbersLeftToNothing",
                    members + directory + "PK\5\6" + little(0xffffffff, 4) +
                        ZipBuilder::end_of(2, directory.size(), begin).substr(8),
                    "several parts"),
      bad_zip_bytes("Zip64EndRecordElsewhere", ended64(2, directory.size(), begin, begin), "where it belongs"),
      bad_zip_bytes("Zip64EndRecordThatContradicts", ended64(1, directory.size(), begin, begin + directory.size()),
                    "contradict"),
      bad_zip_bytes("Zip64EndRecordMissing",
                    members + directory + "PK\6\7" + little(0, 4) + little(begin, 8) + little(1, 4) +
                        ZipBuilder::end_of(2, directory.size(), begin),
                    "zip64 end record"),
      bad_zip_bytes("Zip64BillionsOfEntries",
                    members + directory +
                        ZipBuilder::end64_of(1ull << 40, directory.size(), begin, begin + directory.size()) +
                        ZipBuilder::end_of(0xffff, 0xffffffff, 0xffffffff),
                    "fewer entries"),
      bad_zip_bytes("ZipDirectoryWithRubbishBehind",
                    members + directory + "rubbish" + ZipBuilder::end_of(2, directory.size() + 7, begin),
                    "more in its directory"),
      bad_zip_bytes(
          "ZipEntryLongerThanItsDirectory",
          members + directory.substr(0, directory.size() - 1) + ZipBuilder::end_of(2, directory.size() - 1, begin),
          "longer than"),
      bad_zip_bytes("ZipNoLocalHeader", flipped(members, second) + directory + two.end(), "no local header"),
  };
}

}  // namespace modelfs
