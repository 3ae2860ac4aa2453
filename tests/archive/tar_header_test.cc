#include "archive/write/tar_header.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

SyntheticEntry plain() {
  return {.path = "model.onnx", .mode = 0644, .mtime = TimeNs{0}, .size_bytes = 5, .target = {}};
}

TEST(TarHeader, AnOrdinaryMemberHasOneBlock) {
  const std::string header = tar_header(plain());

  ASSERT_EQ(header.size(), 512u);
  EXPECT_EQ(header.substr(0, 11), std::string("model.onnx\0", 11));
  EXPECT_EQ(header.substr(100, 8), std::string("0000644\0", 8));
  EXPECT_EQ(header.substr(108, 16), std::string("0000000\0000000000\0", 16));
  EXPECT_EQ(header.substr(124, 12), std::string("00000000005\0", 12));
  EXPECT_EQ(header.substr(257, 8), std::string("ustar\00000", 8));
}

// Which records stand before a member; empty when there is no pax header.
std::string records_of(const SyntheticEntry& entry) {
  const std::string header = tar_header(entry);
  EXPECT_EQ(header.size(), tar_header_bytes(entry));
  if (header.size() == 512) return "";
  EXPECT_EQ(header[156], 'x');
  return header.substr(512, std::stoul(header.substr(124, 11), nullptr, 8));
}

TEST(TarHeader, ATimeNeedsARecordOnlyWhereUstarCannotSayIt) {
  const auto records = [](std::int64_t time) {
    SyntheticEntry entry = plain();
    entry.mtime = TimeNs{time};
    return records_of(entry);
  };

  EXPECT_EQ(records(0), "");
  EXPECT_EQ(records(8'589'934'591'000'000'000), "");
  EXPECT_EQ(records(8'589'934'592'000'000'000), "20 mtime=8589934592\n");
  EXPECT_EQ(records(1), "21 mtime=0.000000001\n");
  EXPECT_EQ(records(1'500'000'000), "13 mtime=1.5\n");
  EXPECT_EQ(records(-1'500'000'000), "14 mtime=-1.5\n");
  EXPECT_EQ(records(-1), "22 mtime=-0.000000001\n");
  EXPECT_EQ(records(std::numeric_limits<std::int64_t>::min()), "31 mtime=-9223372036.854775808\n");
}

TEST(TarHeader, ARecordsLengthCountsItself) {
  const auto record = [](std::size_t length) {
    const std::string path = std::string(length, 'p');
    SyntheticEntry entry = plain();
    entry.path = path;
    return records_of(entry);
  };

  const auto expected = [](const std::string& length, std::size_t count) {
    return length + " path=" + std::string(count, 'p') + "\n";
  };
  EXPECT_EQ(record(988), expected("998", 988));
  EXPECT_EQ(record(989), expected("999", 989));
  EXPECT_EQ(record(990), expected("1001", 990));  // no record is 1000 bytes long
}

TEST(TarHeader, ASizeNeedsARecordFromEightGibibytes) {
  SyntheticEntry entry = plain();
  entry.size_bytes = (std::uint64_t{1} << 33) - 1;
  EXPECT_EQ(records_of(entry), "");

  entry.size_bytes += 1;
  EXPECT_EQ(records_of(entry), "19 size=8589934592\n");
}

TEST(TarHeader, AHardLinkNamesTheOtherMemberAndHasNoBytes) {
  SyntheticEntry entry = plain();
  entry.is_hard_link = true;
  entry.size_bytes = 0;
  entry.target = "first";

  const std::string header = tar_header(entry);

  EXPECT_EQ(header[156], '1');
  EXPECT_EQ(header.substr(157, 6), std::string("first\0", 6));
  EXPECT_EQ(header.substr(124, 12), std::string("00000000000\0", 12));
}

}  // namespace
}  // namespace modelfs
