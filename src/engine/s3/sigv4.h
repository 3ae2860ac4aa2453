// AWS Signature Version 4, as S3 wants it.
// Source: docs.aws.amazon.com, "Create a signed AWS API request" and "Signature Calculations for the Authorization
// Header" of S3. Why not libcurl's: that of 7.88 neither sorts the query nor sends the hash of the payload.
#pragma once
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/s3/aws_credentials.h"

namespace modelfs {

// Names with their values, as they are: not encoded.
using NamedValues = std::vector<std::pair<std::string, std::string>>;

struct RequestToSign {
  std::string method;
  std::string path;  // begins with '/'; not encoded
  NamedValues query;
  NamedValues headers;         // those that are signed; lower-case names, `host` and `x-amz-date` among them
  std::string payload_sha256;  // hexadecimal
};

struct SigningScope {
  std::string region;
  std::string service;  // "s3"
};

// Percent-encodes all but A-Z a-z 0-9 - . _ ~.
std::string uri_encode(std::string_view text);
// The same, but '/' stays.
std::string uri_encode_path(std::string_view path);
// Encoded and sorted, without '?'. Requests are sent with this very text.
std::string canonical_query(const NamedValues& query);

// "20150830T123600Z".
std::string amz_date(std::chrono::system_clock::time_point time);

// The value of the header Authorization. `date` is the value of x-amz-date.
std::string authorization_of(const RequestToSign& request, const SigningScope& scope, const AwsCredentials& credentials,
                             const std::string& date);

}  // namespace modelfs
