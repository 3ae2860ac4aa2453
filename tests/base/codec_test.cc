#include "base/codec.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

TEST(Codec, GivesBackWhatItWasGiven) {
  Encoder encoder;
  encoder.number(0)
      .number(~std::uint64_t{0})
      .signed_number(-1)
      .signed_number(INT64_MIN)
      .text("a\0b")
      .fixed32(0xdeadbeef);
  const std::string value = encoder.take();

  Decoder decoder(value);
  EXPECT_EQ(decoder.number(), 0u);
  EXPECT_EQ(decoder.number(), ~std::uint64_t{0});
  EXPECT_EQ(decoder.signed_number(), -1);
  EXPECT_EQ(decoder.signed_number(), INT64_MIN);
  EXPECT_EQ(decoder.text(), "a");
  EXPECT_EQ(decoder.fixed32(), 0xdeadbeefu);
  EXPECT_TRUE(decoder.finished());
}

TEST(Codec, FailsForGoodAtTheFirstMissingField) {
  Decoder decoder(
      "\x05"
      "ab");

  EXPECT_EQ(decoder.text(), "");
  EXPECT_TRUE(decoder.failed());
  EXPECT_EQ(decoder.number(), 0u);
  EXPECT_FALSE(decoder.finished());
}

TEST(Codec, RefusesAVarintOfMoreThan64Bits) {
  const std::string value(10, '\x82');
  Decoder decoder(value);

  decoder.number();
  EXPECT_TRUE(decoder.failed());
}

TEST(Codec, RefusesAVarintThatIsLongerThanItMustBe) {
  const std::string seven("\x87\x00", 2);
  Decoder decoder(seven);

  decoder.number();
  EXPECT_TRUE(decoder.failed());
}

TEST(Codec, KeysSortAsTheirNumbersDo) {
  EXPECT_LT(be64(255), be64(256));
  EXPECT_EQ(*parse_be64(be64(0x0123456789abcdef)), 0x0123456789abcdefu);
  EXPECT_EQ(parse_be64("1234567").code(), Code::InvalidArgument);
}

}  // namespace
}  // namespace modelfs
