// The hexadecimal was written by hand, from FORMAT.md.
#include "catalog/remote_records.h"

#include <gtest/gtest.h>

#include "catalog/samples.h"

namespace modelfs {
namespace {

const std::string kAA(64, 'a');

LocationRecord location() { return {"b/x", 128, 300, 0x01020304, 64, digest_of_all(0xaa)}; }
WriterRecord writer() { return {"id", "host", "start", TimeNs{1}}; }
PositionRecord position() { return {"id", 7, digest_of_all(0xaa), 3}; }

template <class Record>
void expect_golden(const Record& record, const std::string& golden) {
  EXPECT_EQ(hex(record.encode()), hex(unhex(golden)));
  const auto decoded = Record::decode(unhex(golden));
  ASSERT_TRUE(decoded.ok()) << decoded.status().str();
  EXPECT_EQ(decoded->encode(), record.encode());
}

TEST(RemoteRecords, AreWrittenAsTheFormatSays) {
  expect_golden(location(), "01 03622f78 8001 ac02 84868808 40 " + kAA);
  expect_golden(writer(), "01 026964 04686f7374 057374617274 02");
  expect_golden(position(), "01 026964 07 " + kAA + " 03");
}

template <class Record>
void expect_refusals(const Record& record) {
  const std::string bytes = record.encode();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(Record::decode(bytes.substr(0, size)).code(), Code::Corrupt) << size;
  }
  EXPECT_EQ(Record::decode(bytes + "x").code(), Code::Corrupt);
  std::string later = bytes;
  later[0] = 2;
  EXPECT_EQ(Record::decode(later).code(), Code::Unsupported);
}

TEST(RemoteRecords, ThatAreCutOrLongerAreDamagedAndLaterOnesAreLeftToOthers) {
  expect_refusals(location());
  expect_refusals(writer());
  expect_refusals(position());
}

}  // namespace
}  // namespace modelfs
