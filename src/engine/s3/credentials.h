// The credentials that requests are signed with, fetched again before they expire.
#pragma once
#include <memory>
#include <string>

#include "base/mutex.h"
#include "engine/s3/aws_credentials.h"
#include "engine/s3/credential_settings.h"
#include "engine/s3/http.h"

namespace modelfs {

// Looks, in the order of the SDKs, at: keys of the environment; a web identity (one request to STS); the profile's keys
// and its credential_process; the endpoint of a container; the instance (IMDSv2). The first that is there decides.
// None: none is there. Denied: what is there gives none. Unavailable: who is to be asked cannot be reached.
Result<std::optional<AwsCredentials>> find_credentials(const CredentialSettings& settings, HttpClient& http,
                                                       Deadline deadline);

// Safe for concurrent use.
class CurrentCredentials {
 public:
  // They are fetched again so long before they expire.
  static constexpr std::chrono::minutes kAhead{5};

  explicit CurrentCredentials(CredentialSettings settings);

  // Those that were fetched before as long as they last; while they last it does not matter whether others can be had.
  // Else as find_credentials. Denied also where there are none; says where was looked.
  Result<std::shared_ptr<const AwsCredentials>> get(Deadline deadline) EXCLUDES(fetch_mutex_, mutex_);
  // The same after the server has refused `refused`: others, or those that somebody has fetched meanwhile, or `refused`
  // once more.
  Result<std::shared_ptr<const AwsCredentials>> renew(const AwsCredentials& refused, Deadline deadline)
      EXCLUDES(fetch_mutex_, mutex_);

 private:
  Result<std::shared_ptr<const AwsCredentials>> fetch(Deadline deadline) REQUIRES(fetch_mutex_) EXCLUDES(mutex_);
  std::shared_ptr<const AwsCredentials> kept() EXCLUDES(mutex_);

  const CredentialSettings settings_;
  HttpClient http_;
  Mutex fetch_mutex_;  // held across the fetch, so that one does it for all that need it; before mutex_
  Mutex mutex_;        // leaf lock
  std::shared_ptr<const AwsCredentials> kept_ GUARDED_BY(mutex_);
  // After a fetch that failed while the kept ones last: not before this.
  std::chrono::steady_clock::time_point next_try_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
