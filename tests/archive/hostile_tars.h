// Tars that have to be refused.
#pragma once
#include "archive/building.h"
#include "archive/hostile_archives.h"

namespace modelfs {

inline HostileArchive bad_tar(std::string name, std::string members, std::string word, Code code = Code::Malformed) {
  return {std::move(name), ArchiveFormat::Tar, std::move(members) + tar_end(), code, std::move(word)};
}

inline HostileArchive tar_named(std::string name, std::string_view member, std::string word,
                                Code code = Code::Malformed) {
  const std::string front = member.size() > 100 ? tar_long('L', member) : "";
  return bad_tar(std::move(name), front + tar_file(member, "x"), std::move(word), code);
}

inline std::vector<HostileArchive> hostile_tar_names() {
  std::string deep = "d";
  for (int i = 0; i < 128; ++i) deep += "/d";
  std::string long_path = "p";
  for (int i = 0; i < 41; ++i) long_path += "/" + std::string(99, 'p');
  return {
      tar_named("AbsoluteName", "/etc/passwd", "absolute"),
      tar_named("TwoSlashesInFront", "//etc/passwd", "absolute"),
      tar_named("UpwardsAtOnce", "../x", "'..'"),
      tar_named("UpwardsBehindADirectory", "a/../../x", "'..'"),
      tar_named("UpwardsAtTheEnd", "a/..", "'..'"),
      tar_named("OnlyUpwards", "..", "'..'"),
      tar_named("UpwardsBehindADot", "./../x", "'..'"),
      bad_tar("EmptyName", tar_file("", "x"), "empty"),
      tar_named("AbsoluteWithTwoSlashes", "//b", "absolute"),
      bad_tar("TheRootAsASymlinkBySlashes", tar_link('2', "/", "a"), "root"),
      tar_named("NotUtf8", "a\xff\xfe", "UTF-8"),
      tar_named("OverlongSlash",
                "a\xc0\xaf"
                "b",
                "UTF-8"),
      tar_named("SurrogateInAName", "a\xed\xa0\x80", "UTF-8"),
      tar_named("ComponentOf256Bytes", std::string(256, 'c'), "255", Code::NameTooLong),
      tar_named("PathTooLong", long_path, "too long", Code::NameTooLong),
      tar_named("DeeperThanAllowed", deep, "deeper", Code::TooLarge),
      bad_tar("PathTooLongInPax", tar_pax(pax_record("path", long_path)) + tar_file("x"), "4096", Code::NameTooLong),
      bad_tar("UpwardsInAPrefix", tar_member({.name = "x", .prefix = "a/../.."}), "'..'"),
      bad_tar("AbsolutePrefix", tar_member({.name = "x", .prefix = "/a"}), "absolute"),
      bad_tar("UpwardsInAGnuLongName", tar_long('L', "../" + std::string(120, 'x')) + tar_file("x"), "'..'"),
      bad_tar("UpwardsInPax", tar_pax(pax_record("path", "../x")) + tar_file("x"), "'..'"),
      bad_tar("AbsoluteInPax", tar_pax(pax_record("path", "/x")) + tar_file("x"), "absolute"),
      bad_tar("NotUtf8InPax", tar_pax(pax_record("path", "a\xff")) + tar_file("x"), "UTF-8"),
      bad_tar("UpwardsInASparseName",
              tar_pax(pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0") +
                      pax_record("GNU.sparse.name", "../x") + pax_record("GNU.sparse.realsize", "1")) +
                  tar_file("x", tar_padded("1\n0\n1\n") + "x"),
              "'..'"),
      bad_tar("TheRootAsAFile", tar_file("./."), "root"),
      bad_tar("TheRootAsASymlink", tar_link('2', ".", "a"), "root"),
      bad_tar("TheRootTwice", tar_directory("./") + tar_member({.name = "/", .kind = '5', .mode = "0000700"}),
              "two modes or times"),
      bad_tar("TheSameFileTwice", tar_file("a", "1") + tar_file("a", "2"), "twice"),
      bad_tar("TheSameFileSpeltTwoWays", tar_file("d/a", "1") + tar_file("./d/./a", "2"), "twice"),
      bad_tar("TheSameFileSpeltWithTwoSlashes", tar_file("d/a", "1") + tar_file("d//a", "1"), "twice"),
      bad_tar("ADirectoryWithTwoModes", tar_directory("d/") + tar_member({.name = "d", .kind = '5', .mode = "0000700"}),
              "two modes or times"),
      bad_tar("AnImpliedDirectoryWithTwoTimes",
              tar_file("d/a") + tar_directory("d/") +
                  tar_member({.name = "d/", .kind = '5', .mode = "0000755", .mtime = octal(1, 11)}),
              "two modes or times"),
      bad_tar("AFileThenADirectory", tar_file("a") + tar_directory("a/"), "twice"),
      bad_tar("ADirectoryThenAFile", tar_directory("a/") + tar_file("a"), "twice"),
      bad_tar("AFileInsteadOfAnImpliedDirectory", tar_file("a/b") + tar_file("a"), "directory"),
      bad_tar("ASymlinkInsteadOfAnImpliedDirectory", tar_file("a/b") + tar_link('2', "a", "c"), "directory"),
      bad_tar("AMemberBelowAFile", tar_file("a") + tar_file("a/b"), "not a directory"),
      bad_tar("AMemberBelowASymlink", tar_directory("d/") + tar_link('2', "a", "d") + tar_file("a/b"),
              "not a directory"),
      bad_tar("AMemberBelowASymlinkToTheRoot", tar_link('2', "a", ".") + tar_file("a/b"), "not a directory"),
      bad_tar("AMemberBelowAHardLink", tar_file("f") + tar_link('1', "a", "f") + tar_file("a/b"), "not a directory"),
  };
}

inline std::vector<HostileArchive> hostile_tar_members() {
  const auto with_mode = [](const char* mode) { return tar_member({.name = "run.sh", .mode = mode}); };
  const auto with_size = [](std::string size) { return TarHeader{.name = "a", .size = std::move(size)}.bytes(); };
  const auto with_time = [](std::string mtime) { return tar_member({.name = "a", .mtime = std::move(mtime)}); };
  return {
      bad_tar("CharacterDevice", tar_link('3', "null", ""), "device"),
      bad_tar("BlockDevice", tar_link('4', "sda", ""), "device"),
      bad_tar("Fifo", tar_link('6', "pipe", ""), "fifo"),
      bad_tar("UnknownKind", tar_member({.name = "a", .kind = 'Z'}), "unknown kind"),
      bad_tar("GnuDumpDirectory", tar_member({.name = "d/", .kind = 'D'}, "Yfile\0\0"), "unknown kind"),
      bad_tar("PartOfAnotherVolume", tar_member({.name = "a", .kind = 'M'}), "unknown kind"),
      bad_tar("VolumeLabel", tar_member({.name = "label", .kind = 'V'}), "unknown kind"),
      bad_tar("Setuid", with_mode("0004755"), "setuid"),
      bad_tar("Setgid", with_mode("0002755"), "setgid"),
      bad_tar("SetuidHardLink", tar_file("a") + tar_member({.name = "b", .kind = '1', .link = "a", .mode = "0004755"}),
              "setuid"),
      bad_tar("HardLinkToNowhere", tar_link('1', "a", "b"), "not an earlier member"),
      bad_tar("HardLinkToALaterMember", tar_link('1', "a", "b") + tar_file("b", "x"), "not an earlier member"),
      bad_tar("HardLinkToItself", tar_link('1', "a", "a"), "not an earlier member"),
      bad_tar("HardLinkToADirectory", tar_directory("d/") + tar_link('1', "a", "d"), "directory"),
      bad_tar("HardLinkToTheRoot", tar_link('1', "a", "."), "directory"),
      bad_tar("HardLinkOutside", tar_link('1', "a", "../../etc/passwd"), "'..'"),
      bad_tar("HardLinkAbsolute", tar_link('1', "a", "/etc/passwd"), "absolute"),
      bad_tar("HardLinkToNoName", tar_link('1', "a", ""), "kind"),
      bad_tar("HardLinkWithContent", tar_file("a", "1") + tar_member({.name = "b", .kind = '1', .link = "a"}, "other"),
              "with content"),
      bad_tar("HardLinkWithContentByPax",
              tar_file("a", "1") + tar_pax(pax_record("size", "5")) + tar_link('1', "b", "a") + tar_padded("other"),
              "with content"),
      bad_tar("SymlinkWithContent", tar_member({.name = "b", .kind = '2', .link = "a"}, "other"), "with content"),
      bad_tar("DirectoryWithContent", tar_member({.name = "d/", .kind = '5'}, "other"), "with content"),
      bad_tar("SymlinkAbsolute", tar_link('2', "a", "/etc/passwd"), "absolute"),
      bad_tar("SymlinkOutside", tar_link('2', "a", "../x"), "leaves"),
      bad_tar("SymlinkOutsideFromBelow", tar_link('2', "d/e/a", "../../../x"), "leaves"),
      bad_tar("SymlinkOutsideAtLast", tar_link('2', "d/a", "../d/../../x"), "leaves"),
      bad_tar("SymlinkOutsideThroughAnother",
              tar_directory("d/") + tar_link('2', "d/up", "..") + tar_link('2', "a", "d/up/../x"), "leaves"),
      bad_tar("SymlinkOutsideThroughALaterOne", tar_link('2', "a", "d/e/up/../x") + tar_link('2', "d/e/up", "../.."),
              "leaves"),
      bad_tar("SymlinkToItself", tar_link('2', "a", "a"), "loop"),
      bad_tar("SymlinksInACircle", tar_link('2', "a", "b") + tar_link('2', "b", "a"), "loop"),
      bad_tar("SymlinkToNothing", tar_link('2', "a", ""), "no target"),
      bad_tar("SymlinkTargetNotUtf8", tar_link('2', "a", "b\xff"), "UTF-8"),
      bad_tar("SymlinkTargetTooLong", tar_long('K', std::string(4096, 't')) + tar_link('2', "a", "t"), "too long",
              Code::NameTooLong),
      bad_tar("NegativeSize", with_size(std::string(12, '\xff')), "absurd"),
      bad_tar("AbsurdBinarySize", with_size("\x80" + std::string(3, '\0') + "\x7f" + std::string(7, '\xff')), "absurd"),
      bad_tar("BinarySizeBeyond64Bits", with_size("\x80" + std::string(11, '\x7f')), "absurd"),
      bad_tar("SizeThatIsNoNumber", with_size("12x"), "number"),
      bad_tar("SizeWithAMinus", with_size("-0000000001"), "number"),
      bad_tar("SizeWithADigitThatIsNoOctal", with_size("00000000008"), "number"),
      bad_tar("SizeBeyondTheArchive", with_size("00000010000"), "truncated"),
      bad_tar("EightGibibytesThatAreNotThere", with_size("77777777777"), "truncated"),
      bad_tar("SizeOverTheLimit", with_size("\x80" + std::string(3, '\0') + little(0x10, 1) + std::string(7, '\0')),
              "more than", Code::TooLarge),
      bad_tar("TimeBeyondTheYear2262", with_time("\x80" + std::string(5, '\0') + std::string(6, '\x7f')), "1677"),
      bad_tar("TimeBeyond64Bits", with_time("\x80" + std::string(11, '\x7f')), "absurd"),
      bad_tar("TimeThatIsNoNumber", with_time("yesterday"), "number"),
      bad_tar("ModeThatIsNoNumber", with_mode("rwxr-xr"), "number"),
  };
}

inline std::vector<HostileArchive> hostile_tar_headers() {
  using std::string_literals::operator""s;
  const auto pax = [](const std::string& records) { return tar_pax(records) + tar_file("a", "content"); };
  const auto global = [](const std::string& records) { return tar_pax(records, 'g') + tar_file("a", "content"); };
  std::string spoilt = tar_file("a", "x");
  spoilt[0] = 'b';
  const TarHeader old_sparse{.name = "a", .kind = 'S', .size = "00000001000", .magic = "ustar  \0"s};
  const auto sparse = [&](const std::string& pieces, const std::string& real_size) {
    TarHeader header = old_sparse;
    header.behind = std::string(41, '\0') + pieces;
    header.behind.resize(137, '\0');
    header.behind += '\0' + real_size;
    return header.bytes() + std::string(512, 's');
  };
  const auto piece = [](std::uint64_t offset, std::uint64_t size) {
    return octal(offset, 11) + " " + octal(size, 11) + " ";
  };
  const auto sparse_flood = [&](int blocks) {
    TarHeader header = old_sparse;
    header.behind = std::string(41, '\0') + piece(0, 1);
    header.behind.resize(137, '\0');
    header.behind += '\1' + octal(1024, 11);
    std::string more;
    for (int i = 0; i < 21; ++i) more += piece(1, 0);
    more += '\1';
    more.resize(512, '\0');
    std::string tar = header.bytes();
    for (int i = 0; i < blocks; ++i) tar += more;
    return tar;
  };
  return {
      bad_tar("PaxPathWithNul", pax(pax_record("path", "good\0/../../evil"s)), "NUL"),
      bad_tar("PaxLinkWithNul", tar_pax(pax_record("linkpath", "b\0c"s)) + tar_link('2', "a", "b"), "NUL"),
      bad_tar("PaxEmptyPath", pax(pax_record("path", "")), "empty path"),
      bad_tar("PaxPathTwice", pax(pax_record("path", "b") + pax_record("path", "c")), "twice"),
      bad_tar("PaxSizeLargerThanTheHeaders", pax(pax_record("size", "1100")), "truncated"),
      bad_tar("PaxSizeThatSwallowsTheNextHeader", pax(pax_record("size", "1000")) + tar_file("b", "x"), "checksum"),
      bad_tar("PaxSizeSmallerThanTheContent", tar_pax(pax_record("size", "1")) + tar_file("a", std::string(600, 'x')),
              "checksum"),
      bad_tar("PaxSizeNegative", pax(pax_record("size", "-1")), "number"),
      bad_tar("PaxSizeBeyond64Bits", pax(pax_record("size", "99999999999999999999")), "number"),
      bad_tar("PaxSizeAbsurd", pax(pax_record("size", "9223372036854775807")), "absurd"),
      bad_tar("PaxTimeThatIsNone", pax(pax_record("mtime", "soon")), "mtime"),
      bad_tar("PaxTimeWithHalfAnExponent", pax(pax_record("mtime", "1e")), "mtime"),
      bad_tar("PaxTimeWithTwoExponents", pax(pax_record("mtime", "1e1e1")), "mtime"),
      bad_tar("PaxTimeWithAnAbsurdExponent", pax(pax_record("mtime", "1e99999999999")), "mtime"),
      bad_tar("PaxTimeThatIsInfinite", pax(pax_record("mtime", "inf")), "mtime"),
      bad_tar("PaxTimeWithAnExponentBeyondTheYear2262", pax(pax_record("mtime", "1e+300")), "1677"),
      bad_tar("PaxTimeBeyondTheYear2262", pax(pax_record("mtime", "99999999999999")), "1677"),
      bad_tar("PaxUnknownCharacterSet", pax(pax_record("hdrcharset", "KOI8-R")), "character set"),
      bad_tar("PaxLengthThatLies", pax("99 path=b\n"), "longer than"),
      bad_tar("PaxLengthTooShort", pax("5 path=b\n"), "does not end"),
      bad_tar("PaxWithoutALength", pax("path=b\n"), "no record"),
      bad_tar("PaxWithoutAKey", pax(pax_record("", "b")), "without a key"),
      bad_tar("PaxWithoutAnEquals", pax("9 pathbc\n"), "without a key"),
      bad_tar("PaxTwiceForOneMember", tar_pax(pax_record("path", "b")) + pax(pax_record("path", "c")), "second time"),
      bad_tar("PaxForNoMember", tar_file("a") + tar_pax(pax_record("path", "b")), "where a member is due"),
      bad_tar("PaxWithoutABody", TarHeader{.name = "x", .kind = 'x'}.bytes() + tar_file("a"), "has none"),
      bad_tar("PaxOfMoreThanAMebibyte", pax(pax_record("comment", std::string((1 << 20) + 1, 'c'))), "too long",
              Code::TooLarge),
      bad_tar("PaxPathAndGnuLongName", tar_long('L', "b") + pax(pax_record("path", "c")), "two names"),
      bad_tar("GlobalPath", global(pax_record("path", "b")), "for all members"),
      bad_tar("GlobalSize", global(pax_record("size", "1")), "for all members"),
      bad_tar("GlobalLength", global("99 a=b\n"), "longer than"),
      bad_tar("GnuLongNameWithNul", tar_long('L', "good\0/../evil"s) + tar_file("a"), "NUL"),
      bad_tar("GnuLongNameTwice", tar_long('L', "b") + tar_long('L', "c") + tar_file("a"), "second time"),
      bad_tar("GnuLongNameEmpty", tar_long('L', "") + tar_file("a"), "empty"),
      bad_tar("GnuLongNameForNoMember", tar_long('L', "b"), "where a member is due"),
      bad_tar("SparsePiecesThatOverlap", sparse(piece(0, 256) + piece(128, 256), octal(1024, 11)), ""),
      bad_tar("SparsePiecesOutOfOrder", sparse(piece(512, 256) + piece(0, 256), octal(1024, 11)), ""),
      bad_tar("SparsePieceBehindTheEnd", sparse(piece(4096, 512), octal(1024, 11)), ""),
      bad_tar("SparseListWithRubbish",
              tar_pax(pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0") +
                      pax_record("GNU.sparse.name", "a") + pax_record("GNU.sparse.realsize", "9")) +
                  tar_file("x", tar_padded("one\ntwo\n") + "x"),
              ""),
      bad_tar("SparseListThatIsHuge",
              tar_pax(pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0") +
                      pax_record("GNU.sparse.name", "a") + pax_record("GNU.sparse.realsize", "9")) +
                  tar_file("x", tar_padded("999999999999\n0\n") + "x"),
              "pieces", Code::TooLarge),
      bad_tar("SparseListOfComments",
              tar_pax(pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0") +
                      pax_record("GNU.sparse.name", "a") + pax_record("GNU.sparse.realsize", "9")) +
                  tar_file("x", tar_padded("# comment\n1\n0\n1\n") + "x"),
              "no list"),
      bad_tar("SparseMapThatIsHuge", sparse_flood(6000), "pieces", Code::TooLarge),
      bad_tar("WrongChecksum", tar_file("c") + spoilt, "checksum"),
      {"ZerosOfOneBlock", ArchiveFormat::Tar, std::string(512, '\0'), Code::Malformed, "nothing but zeros"},
      {"ZerosOfThreeBlocks", ArchiveFormat::Tar, std::string(1536, '\0'), Code::Malformed, "nothing but zeros"},
      {"ZerosOfAnOddSize", ArchiveFormat::Tar, std::string(10241, '\0'), Code::Malformed, "nothing but zeros"},
      {"ZerosOf3Mebibytes", ArchiveFormat::Tar, std::string(3 << 20, '\0'), Code::Malformed, "nothing but zeros"},
      {"CompressedZeros", ArchiveFormat::TarGz, gzipped(std::string(3 << 20, '\0')), Code::Malformed,
       "nothing but zeros"},
      {"NoEnd", ArchiveFormat::Tar, tar_file("a", "x"), Code::Malformed, "truncated"},
      bad_tar("ZeroBlockInTheMiddle", tar_file("a") + std::string(512, '\0') + tar_file("b"), "zero block"),
      {"RubbishBehindOneZeroBlock", ArchiveFormat::Tar, tar_file("a") + std::string(512, '\0') + "x", Code::Malformed,
       "truncated"},
      {"EndInsideOfTheContent", ArchiveFormat::Tar, tar_file("a", std::string(600, 'x')).substr(0, 1024),
       Code::Malformed, "truncated"},
      {"EndInsideOfAHeader", ArchiveFormat::Tar, tar_file("a") + tar_file("b").substr(0, 300), Code::Malformed,
       "truncated"},
      bad_tar("ASecondArchiveAppended", tar_file("a") + tar_end() + tar_file("b"), "second archive"),
      {"TextBehindTheEnd", ArchiveFormat::Tar, tar_file("a") + tar_end() + "text", Code::Malformed, "second archive"},
      {"OneByteFarBehindTheEnd", ArchiveFormat::Tar, tar_file("a") + tar_end() + std::string(1 << 20, '\0') + "x",
       Code::Malformed, "second archive"},
  };
}

}  // namespace modelfs
