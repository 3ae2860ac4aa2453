// Where a bucket is: "s3://bucket/prefix", and the server that has it.
#pragma once
#include <string>
#include <string_view>

#include "base/status.h"

namespace modelfs {

// "s3://bucket/a/prefix".
struct S3Url {
  std::string bucket;
  std::string prefix;  // without '/' at its ends; may be empty

  std::string str() const { return "s3://" + bucket + (prefix.empty() ? "" : "/" + prefix); }
};

// InvalidArgument: not of that form, no bucket's name (3 to 63 of a-z, 0-9, '.', '-', '_'), or a prefix with parts that
// no object of ours may have, or of more than 256 bytes.
Result<S3Url> parse_s3_url(std::string_view url);

// A server: "https://host:port". There is no path in it.
struct HttpOrigin {
  bool is_tls = true;
  std::string host;  // as a URL has it: "[::1]" in brackets
  std::string port;  // empty: the scheme's

  std::string authority() const { return port.empty() ? host : host + ":" + port; }
  std::string str() const { return (is_tls ? "https://" : "http://") + authority(); }
  // This very machine: 127.0.0.0/8, ::1, localhost.
  bool is_loopback() const;
  // An address in numbers, before which no name can be put.
  bool is_address() const;
};

// A trailing '/' is taken. InvalidArgument: another scheme, a path, a user or a query in it.
Result<HttpOrigin> parse_origin(std::string_view url);

}  // namespace modelfs
