#include "engine/s3/s3_xml.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

TEST(Listing, HasNamesSizesAndTimes) {
  const auto listing = parse_listing(
      R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><IsTruncated>true</IsTruncated>
<Contents><Key>p/a&amp;b</Key><LastModified>2026-12-01T14:20:41.000Z</LastModified><Size>5</Size></Contents>
<Contents><Key>p/c</Key><LastModified>2026-12-01T14:20:42.000Z</LastModified><Size>0</Size></Contents>
</ListBucketResult>)");

  ASSERT_TRUE(listing.ok()) << listing.status().str();
  EXPECT_TRUE(listing->is_truncated);
  ASSERT_EQ(listing->objects.size(), 2u);
  EXPECT_EQ(listing->objects[0].key, "p/a&b");
  EXPECT_EQ(listing->objects[0].size_bytes, 5u);
  EXPECT_EQ(listing->objects[0].last_modified, "2026-12-01T14:20:41.000Z");
  EXPECT_EQ(listing->objects[1].key, "p/c");
}

TEST(Listing, MayBeEmpty) {
  const auto listing = parse_listing("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");

  ASSERT_TRUE(listing.ok());
  EXPECT_FALSE(listing->is_truncated);
  EXPECT_TRUE(listing->objects.empty());
}

TEST(Listing, IsNoOtherDocument) {
  for (const char* text : {"", "<html><body>Welcome</body></html>", "<ListBucketResult>", "{\"a\":1}", "\0"}) {
    EXPECT_EQ(parse_listing(text).code(), Code::IoError) << text;
  }
  EXPECT_EQ(parse_listing(std::string(kXmlBytesMax + 1, ' ')).code(), Code::IoError);
}

TEST(ServersError, HasItsCodeMessageAndRegion) {
  const S3Error error = parse_s3_error(
      "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is\nwrong</Message>"
      "<Region>eu-west-1</Region></Error>");

  EXPECT_EQ(error.code, "AuthorizationHeaderMalformed");
  EXPECT_EQ(error.message, "the region is wrong");
  EXPECT_EQ(error.region, "eu-west-1");
}

TEST(ServersError, IsReadAsStsSaysIt) {
  const S3Error error = parse_s3_error(
      "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredTokenException</Code></Error></ErrorResponse>");

  EXPECT_EQ(error.code, "ExpiredTokenException");
}

TEST(ServersError, IsEmptyWhereThereIsNone) {
  EXPECT_EQ(parse_s3_error("").code, "");
  EXPECT_EQ(parse_s3_error("<html>404</html>").code, "");
}

TEST(ServersError, DoesNotExpandEntities) {
  const S3Error error = parse_s3_error(
      "<!DOCTYPE e [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]>"
      "<Error><Code>X</Code><Message>&b;&b;</Message></Error>");

  EXPECT_EQ(error.message, "&b;&b;");
}

TEST(ServersError, IsShort) {
  EXPECT_LE(parse_s3_error("<Error><Message>" + std::string(10'000, 'x') + "</Message></Error>").message.size(), 303u);
}

TEST(CompletedUpload, NamesItsPartsInOrder) {
  const std::string xml = complete_upload_xml({"\"a\"", "\"b&\""});

  const auto first = xml_text(xml, "CompleteMultipartUpload/Part/ETag");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(*first, "\"a\"");
  EXPECT_NE(xml.find("<Part><PartNumber>2</PartNumber><ETag>\"b&amp;\"</ETag></Part>"), std::string::npos) << xml;
}

TEST(TextInXml, MustBeThere) {
  EXPECT_EQ(*xml_text("<A><B>x</B></A>", "A/B"), "x");
  EXPECT_EQ(xml_text("<A><B/></A>", "A/B").code(), Code::IoError);
  EXPECT_EQ(xml_text("", "A/B").code(), Code::IoError);
}

}  // namespace
}  // namespace modelfs
