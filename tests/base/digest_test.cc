#include "base/digest.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

TEST(Digest, OfAbcIsNists) {
  // Source: FIPS 180-4, example "abc".
  EXPECT_EQ(hash_of(bytes_of("abc")).digest.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Crc32, OfTheCheckStringIsTheCatalogues) {
  // Source: the check value of CRC-32/ISO-HDLC.
  EXPECT_EQ(hash_of(bytes_of("123456789")).crc32, 0xcbf43926u);
}

TEST(Hmac, IsThatOfRfc4231) {
  // Source: RFC 4231, test cases 2 and 6 (a key that is longer than a block).
  EXPECT_EQ(hmac_sha256(bytes_of("Jefe"), bytes_of("what do ya want for nothing?")).hex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256(bytes_of(std::string(131, '\xaa')),
                        bytes_of("Test Using Larger Than Block-Size Key - Hash Key First"))
                .hex(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, TakesAnEmptyKey) {
  EXPECT_EQ(hmac_sha256({}, {}).hex(), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Sum, OfNothing) {
  const ContentHash hash = hash_of({});

  EXPECT_EQ(hash.digest.hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash.crc32, 0u);
}

TEST(Hasher, DoesNotCareHowTheBytesCome) {
  Hasher hasher;
  hasher.add(bytes_of("12345"));
  hasher.add({});
  hasher.add(bytes_of("6789"));

  EXPECT_EQ(hasher.finish(), hash_of(bytes_of("123456789")));
}

TEST(Hasher, StartsAnewAfterItHasFinished) {
  Hasher hasher;
  hasher.add(bytes_of("something else"));
  (void)hasher.finish();

  hasher.add(bytes_of("abc"));

  EXPECT_EQ(hasher.finish(), hash_of(bytes_of("abc")));
}

TEST(Digest, ComesBackFromItsHex) {
  const Digest digest = hash_of(bytes_of("abc")).digest;

  const auto read = Digest::from_hex(digest.hex());

  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, digest);
}

TEST(Digest, IsExactly64LowerCaseDigits) {
  const std::string hex(64, 'a');

  EXPECT_TRUE(Digest::from_hex(hex).ok());
  EXPECT_EQ(Digest::from_hex(hex.substr(1)).code(), Code::InvalidArgument);
  EXPECT_EQ(Digest::from_hex(hex + 'a').code(), Code::InvalidArgument);
  EXPECT_EQ(Digest::from_hex(std::string(64, 'A')).code(), Code::InvalidArgument);
  EXPECT_EQ(Digest::from_hex(std::string(64, 'g')).code(), Code::InvalidArgument);
}

}  // namespace
}  // namespace modelfs
