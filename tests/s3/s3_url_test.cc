#include "engine/s3/s3_url.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

TEST(S3Url, IsABucketAndAPrefix) {
  const auto with = parse_s3_url("s3://models.acme-1/team/a/");
  ASSERT_TRUE(with.ok()) << with.status().str();
  EXPECT_EQ(with->bucket, "models.acme-1");
  EXPECT_EQ(with->prefix, "team/a");
  EXPECT_EQ(with->str(), "s3://models.acme-1/team/a");

  for (const char* url : {"s3://models", "s3://models/"}) {
    const auto without = parse_s3_url(url);
    ASSERT_TRUE(without.ok()) << url;
    EXPECT_EQ(without->prefix, "");
    EXPECT_EQ(without->str(), "s3://models");
  }
}

class NoS3Url : public testing::TestWithParam<const char*> {};

TEST_P(NoS3Url, IsRefused) { EXPECT_EQ(parse_s3_url(GetParam()).code(), Code::InvalidArgument) << GetParam(); }

INSTANTIATE_TEST_SUITE_P(, NoS3Url,
                         testing::Values("", "models", "http://models", "s3:models", "s3://", "s3://ab", "s3:///models",
                                         "s3://Models", "s3://mo dels", "s3://models//a", "s3://models/a//b",
                                         "s3://models/a/../b", "s3://models/a?region=x", "s3://user@models/a"));

TEST(Endpoint, IsASchemeAHostAndAPort) {
  const auto origin = parse_origin("https://minio.example:9000/");
  ASSERT_TRUE(origin.ok());
  EXPECT_TRUE(origin->is_tls);
  EXPECT_EQ(origin->authority(), "minio.example:9000");
  EXPECT_FALSE(origin->is_loopback());

  EXPECT_EQ(parse_origin("https://s3.example")->str(), "https://s3.example");
  EXPECT_EQ(parse_origin("http://[::1]:80")->str(), "http://[::1]");
}

TEST(Endpoint, LeavesOutThePortThatIsNotSent) {
  EXPECT_EQ(parse_origin("https://s3.example:443")->authority(), "s3.example");
  EXPECT_EQ(parse_origin("http://s3.example:443")->authority(), "s3.example:443");
}

TEST(Endpoint, MayBeThisMachine) {
  for (const char* url : {"http://127.0.0.1:1", "http://127.9.9.9", "http://localhost:80", "http://[::1]:8080"}) {
    EXPECT_TRUE(parse_origin(url)->is_loopback()) << url;
  }
  for (const char* url : {"http://127.evil.example", "http://10.0.0.1", "http://localhost.example", "http://[::2]"}) {
    EXPECT_FALSE(parse_origin(url)->is_loopback()) << url;
  }
}

class NoEndpoint : public testing::TestWithParam<const char*> {};

TEST_P(NoEndpoint, IsRefused) { EXPECT_EQ(parse_origin(GetParam()).code(), Code::InvalidArgument) << GetParam(); }

INSTANTIATE_TEST_SUITE_P(, NoEndpoint,
                         testing::Values("", "s3.example", "ftp://s3.example", "https://", "https://a/b", "https://u@a",
                                         "https://a?b", "https://a:port", "https://a:", "https://a:123456",
                                         "https://a b", "https://[::1", "https://a\r\nb"));

TEST(Endpoint, IsNotRepeatedWhereItIsRefused) {
  EXPECT_EQ(parse_origin("https://user:password@host").status().message().find("password"), std::string::npos);
}

}  // namespace
}  // namespace modelfs
