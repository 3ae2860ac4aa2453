// Archives that have to be refused: each with its verdict.
#include <gtest/gtest.h>

#include "archive/hostile_streams.h"
#include "archive/hostile_tars.h"
#include "archive/hostile_zips.h"
#include "archive/reading.h"

namespace modelfs {
namespace {

class HostileTest : public testing::TestWithParam<HostileArchive> {};

TEST_P(HostileTest, IsRefusedWithItsReason) {
  const HostileArchive& archive = GetParam();

  const Reading reading = read_bytes(archive.bytes, archive.format, archive.limits);

  EXPECT_EQ(code_name(reading.status.code()), code_name(archive.code)) << reading.status.str();
  EXPECT_NE(reading.status.message().find(archive.word), std::string::npos) << reading.status.str();
}

constexpr auto kName = [](const auto& archive) { return archive.param.name; };

INSTANTIATE_TEST_SUITE_P(TarNames, HostileTest, testing::ValuesIn(hostile_tar_names()), kName);
INSTANTIATE_TEST_SUITE_P(TarMembers, HostileTest, testing::ValuesIn(hostile_tar_members()), kName);
INSTANTIATE_TEST_SUITE_P(TarHeaders, HostileTest, testing::ValuesIn(hostile_tar_headers()), kName);
INSTANTIATE_TEST_SUITE_P(Streams, HostileTest, testing::ValuesIn(hostile_streams()), kName);
INSTANTIATE_TEST_SUITE_P(Zips, HostileTest, testing::ValuesIn(hostile_zips()), kName);
INSTANTIATE_TEST_SUITE_P(ZipStructures, HostileTest, testing::ValuesIn(hostile_zip_structures()), kName);

}  // namespace
}  // namespace modelfs
