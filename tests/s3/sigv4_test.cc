#include "engine/s3/sigv4.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

constexpr char kNothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string signature_in(const std::string& authorization) {
  return authorization.substr(authorization.find("Signature=") + 10);
}

// Source: aws-sig-v4-test-suite, published by AWS: the requests of these names, signed for "service" in us-east-1.
std::string suite_signature(const std::string& method, NamedValues query, NamedValues more_headers = {}) {
  const std::string date = "20150830T123600Z";
  RequestToSign request{method, "/", std::move(query), std::move(more_headers), kNothing};
  request.headers.emplace_back("host", "example.amazonaws.com");
  request.headers.emplace_back("x-amz-date", date);
  AwsCredentials credentials;
  credentials.key_id = "AKIDEXAMPLE";
  credentials.secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  return signature_in(authorization_of(request, {"us-east-1", "service"}, credentials, date));
}

TEST(SignatureV4, IsTheSuites) {
  EXPECT_EQ(suite_signature("GET", {}), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(suite_signature("POST", {}), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}

TEST(SignatureV4, SortsTheQueryAsTheSuiteDoes) {
  // get-vanilla-query-order-key-case
  EXPECT_EQ(suite_signature("GET", {{"Param2", "value2"}, {"Param1", "value1"}}),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

TEST(SignatureV4, TrimsTheValuesOfHeadersAsTheSuiteDoes) {
  // get-header-value-trim
  EXPECT_EQ(suite_signature("GET", {}, {{"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}}),
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
}

// Source: docs.aws.amazon.com, S3, "Examples: Signature Calculations" of the Authorization header.
std::string s3_signature(const std::string& method, const std::string& path, NamedValues query,
                         NamedValues more_headers, const std::string& payload_sha256 = kNothing) {
  const std::string date = "20130524T000000Z";
  RequestToSign request{method, path, std::move(query), std::move(more_headers), payload_sha256};
  request.headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
  request.headers.emplace_back("x-amz-content-sha256", payload_sha256);
  request.headers.emplace_back("x-amz-date", date);
  AwsCredentials credentials;
  credentials.key_id = "AKIAIOSFODNN7EXAMPLE";
  credentials.secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  return signature_in(authorization_of(request, {"us-east-1", "s3"}, credentials, date));
}

TEST(SignatureV4, OfARangeIsThatOfTheDocumentation) {
  EXPECT_EQ(s3_signature("GET", "/test.txt", {}, {{"range", "bytes=0-9"}}),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SignatureV4, OfAPutIsThatOfTheDocumentation) {
  EXPECT_EQ(s3_signature("PUT", "/test$file.text", {},
                         {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                         "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SignatureV4, OfAnEmptyParameterIsThatOfTheDocumentation) {
  EXPECT_EQ(s3_signature("GET", "/", {{"lifecycle", ""}}, {}),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(SignatureV4, OfAListIsThatOfTheDocumentation) {
  EXPECT_EQ(s3_signature("GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {}),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(CanonicalQuery, IsSortedAfterItIsEncoded) {
  EXPECT_EQ(canonical_query({{"b", "2"}, {"a b", "/"}, {"a", ""}}), "a=&a%20b=%2F&b=2");
}

TEST(UriEncoding, KeepsTheSlashesOfAPathOnly) {
  EXPECT_EQ(uri_encode_path("/a b/~c\xc3\xa4"), "/a%20b/~c%C3%A4");
  EXPECT_EQ(uri_encode("/"), "%2F");
}

}  // namespace
}  // namespace modelfs
