// Requests to one bucket: signed, repeated while it may help, and their failures told in a sentence.
#pragma once
#include <memory>
#include <string>

#include "engine/s3/credentials.h"
#include "engine/s3/http.h"
#include "engine/s3/retry.h"
#include "engine/s3/s3_call.h"
#include "engine/s3/s3_options.h"

namespace modelfs {

// Safe for concurrent use.
class S3Client {
 public:
  explicit S3Client(S3Options options);

  // What the server says to it in the end, as far as that is an answer: 2xx, 412, 416, and 404 for a key or an upload
  // that is not there. Unsettled: only_once, and it may have taken place. Else as Remote says.
  Result<S3Answer> call(const S3Call& call, Deadline deadline);

  const S3Options& options() const { return options_; }
  // Of the last answer: its header Server, and how far its clock is ahead of ours.
  RemoteFacts facts() const EXCLUDES(mutex_);
  std::uint64_t connections_opened() const { return http_.connections_opened(); }

 private:
  S3Answer send(const S3Call& call, const AwsCredentials& credentials, Deadline deadline);
  void note(const HttpAnswer& answer) EXCLUDES(mutex_);
  Status failure(const S3Call& call, const S3Answer& answer, const AwsCredentials& credentials) const;

  const S3Options options_;
  const HttpOrigin origin_;
  HttpClient http_;
  CurrentCredentials credentials_;
  RetryBudget budget_;
  mutable Mutex mutex_;  // leaf lock
  RemoteFacts facts_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
