// One request to a bucket, and its answer.
#pragma once
#include <chrono>
#include <string>

#include "engine/s3/http_message.h"
#include "engine/s3/s3_xml.h"

namespace modelfs {

struct S3Call {
  std::string method = "GET";
  std::string action;  // what a policy has to allow: "s3:GetObject"
  std::string key;     // with the prefix; empty: the bucket
  NamedValues query;
  NamedValues headers;  // all are signed
  HttpBody body;
  Digest payload_sha256 = sha256_of({});  // of the body
  ByteSpan into;
  std::size_t answer_bytes_max = 256 << 10;
  std::chrono::milliseconds patience = std::chrono::seconds(4);
  // Whether it took place decides something: it is not sent again after an answer that was lost.
  bool only_once = false;
};

struct S3Answer : HttpAnswer {
  S3Error error;  // of 404, 412 and 416
};

}  // namespace modelfs
