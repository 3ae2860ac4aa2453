// What a bucket's answer means to people: one sentence, with the way out.
#pragma once
#include <chrono>
#include <string>

#include "engine/s3/aws_credentials.h"
#include "engine/s3/s3_call.h"
#include "engine/s3/s3_options.h"

namespace modelfs {

struct S3Failure {
  const S3Options& options;
  const S3Call& call;
  const S3Answer& answer;
  const AwsCredentials& credentials;  // none of it comes into the message
  std::chrono::seconds clock_skew;
};

// The Status of an answer that is none to the question. Never NotFound.
Status failure_of(const S3Failure& failure);

// Without control characters, and of at most 200 bytes.
std::string one_line(std::string text);

}  // namespace modelfs
