#include "archive/write/zip_records.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

constexpr std::uint64_t kMax32 = 0xffffffff;

SyntheticEntry plain() {
  return {.path = "model.onnx", .mode = 0644, .mtime = TimeNs{0}, .size_bytes = 5, .target = {}};
}

std::uint64_t number_at(const std::string& record, std::size_t at, std::size_t count) {
  std::uint64_t number = 0;
  for (std::size_t i = count; i-- > 0;) number = number << 8 | static_cast<unsigned char>(record.at(at + i));
  return number;
}

struct DosTime {
  std::uint64_t year, month, day, hour, minute, second;
  bool operator==(const DosTime&) const = default;
};

DosTime dos_time_of(std::int64_t seconds) {
  SyntheticEntry entry = plain();
  entry.mtime = TimeNs{seconds * 1'000'000'000};
  const std::string header = zip_local_header(entry);
  const std::uint64_t clock = number_at(header, 10, 2);
  const std::uint64_t date = number_at(header, 12, 2);
  return {(date >> 9) + 1980, date >> 5 & 15, date & 31, clock >> 11, clock >> 5 & 63, (clock & 31) * 2};
}

TEST(ZipRecords, TheDosTimeIsInUtcInStepsOfTwoSeconds) {
  EXPECT_EQ(dos_time_of(1'700'000'001), (DosTime{2023, 11, 14, 22, 13, 20}));
}

TEST(ZipRecords, TheDosTimeIsClampedTo1980And2107) {
  const DosTime first = {1980, 1, 1, 0, 0, 0};
  const DosTime last = {2107, 12, 31, 23, 59, 58};

  EXPECT_EQ(dos_time_of(-2'000'000'000), first);
  EXPECT_EQ(dos_time_of(315'532'799), first);
  EXPECT_EQ(dos_time_of(315'532'802), (DosTime{1980, 1, 1, 0, 0, 2}));
  EXPECT_EQ(dos_time_of(4'354'819'198), last);
  EXPECT_EQ(dos_time_of(4'354'819'200), last);
  EXPECT_EQ(dos_time_of(9'000'000'000), last);
}

TEST(ZipRecords, ATimestampInSecondsIsThereFrom1970To2106) {
  const auto extra_bytes = [](std::int64_t time) {
    SyntheticEntry entry = plain();
    entry.mtime = TimeNs{time};
    return number_at(zip_local_header(entry), 28, 2);
  };

  EXPECT_EQ(extra_bytes(0), 9u);
  EXPECT_EQ(extra_bytes(-1), 0u);
  EXPECT_EQ(extra_bytes(4'294'967'295'999'999'999), 9u);
  EXPECT_EQ(extra_bytes(4'294'967'296'000'000'000), 0u);
}

TEST(ZipRecords, Zip64IsThereExactlyWhereAFieldOverflows) {
  const auto versions_and_extras = [](std::uint64_t size_bytes, std::uint64_t offset_bytes) {
    SyntheticEntry entry = plain();
    entry.size_bytes = size_bytes;
    const std::string local = zip_local_header(entry);
    const std::string central = zip_central_header(entry, offset_bytes);
    EXPECT_EQ(local.size(), zip_local_header_bytes(entry));
    EXPECT_EQ(central.size(), zip_central_header_bytes(entry, offset_bytes));
    return std::vector<std::uint64_t>{number_at(local, 4, 2), number_at(local, 28, 2), number_at(central, 6, 2),
                                      number_at(central, 30, 2)};
  };
  using Numbers = std::vector<std::uint64_t>;

  EXPECT_EQ(versions_and_extras(kMax32 - 1, kMax32 - 1), (Numbers{10, 9, 10, 9}));
  EXPECT_EQ(versions_and_extras(kMax32, kMax32 - 1), (Numbers{45, 29, 45, 29}));
  EXPECT_EQ(versions_and_extras(kMax32 - 1, kMax32), (Numbers{10, 9, 45, 21}));
  EXPECT_EQ(versions_and_extras(kMax32 + 1, kMax32 + 1), (Numbers{45, 29, 45, 37}));
}

TEST(ZipRecords, TheEndHasZip64RecordsExactlyWhereAFieldOverflows) {
  const auto bytes = [](const SyntheticDirectory& directory) {
    EXPECT_EQ(zip_end(directory).size(), zip_end_bytes(directory));
    return zip_end_bytes(directory);
  };

  EXPECT_EQ(bytes({65'534, kMax32 - 1, kMax32 - 1}), 22u);
  EXPECT_EQ(bytes({65'535, 0, 0}), 98u);
  EXPECT_EQ(bytes({1, kMax32, 1}), 98u);
  EXPECT_EQ(bytes({1, 1, kMax32}), 98u);
}

}  // namespace
}  // namespace modelfs
