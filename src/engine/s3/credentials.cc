#include "engine/s3/credentials.h"

#include "engine/s3/credential_sources.h"

namespace modelfs {
namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr std::chrono::seconds kPauseAfterFailure{30};
// Nobody waits longer for others while the kept ones last.
constexpr std::chrono::seconds kPatienceWhileTheyLast{5};

Status nowhere(const std::string& home) {
  return {Code::Denied,
          "no credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a web identity, a profile with keys or "
          "credential_process in " +
              home + "/.aws, nor those of a container or instance; `aws configure` stores some"};
}

bool lasts(const AwsCredentials& credentials, std::chrono::seconds ahead) {
  return !credentials.expiry || system_clock::now() + ahead < *credentials.expiry;
}

}  // namespace

Found find_credentials(const CredentialSettings& settings, HttpClient& http, Deadline deadline) {
  const CredentialQuestion question{settings, http, deadline};
  using Source = Found (*)(const CredentialQuestion&);
  constexpr Source kSources[] = {&keys_of_environment, &keys_of_web_identity, &keys_of_profile, &keys_of_container,
                                 &keys_of_instance};
  for (const Source source : kSources) {
    Found found = source(question);
    if (!found.ok()) return found.status();
    if (!found->has_value()) continue;
    AwsCredentials& credentials = **found;
    // Why: they become headers, where a line's end would begin another.
    for (const std::string* text : {&credentials.key_id, &credentials.secret, &credentials.session_token}) {
      if (text->find_first_of("\r\n") == std::string::npos) continue;
      return Status(Code::Denied, "the credentials of " + credentials.source + " have line ends in them");
    }
    return found;
  }
  return {std::nullopt};
}

CurrentCredentials::CurrentCredentials(CredentialSettings settings)
    : settings_(std::move(settings)), http_(HttpClient::Settings{settings_.ca_file}) {}

std::shared_ptr<const AwsCredentials> CurrentCredentials::kept() {
  const MutexLock lock(mutex_);
  return kept_;
}

Result<std::shared_ptr<const AwsCredentials>> CurrentCredentials::fetch(Deadline deadline) {
  auto found = find_credentials(settings_, http_, deadline);
  const MutexLock lock(mutex_);
  if (!found.ok() || !found->has_value()) {
    next_try_ = steady_clock::now() + kPauseAfterFailure;
    if (!found.ok()) return found.status();
    if (kept_ == nullptr) return nowhere(settings_.home);
    // There were some, so this passes: an instance's metadata that has not answered in time looks like none.
    return Status(Code::Unavailable, kept_->source + " gives no credentials any more");
  }
  kept_ = std::make_shared<const AwsCredentials>(std::move(**found));
  return kept_;
}

Result<std::shared_ptr<const AwsCredentials>> CurrentCredentials::get(Deadline deadline) {
  const auto good_enough = [&](const std::shared_ptr<const AwsCredentials>& credentials) {
    if (credentials == nullptr) return false;
    if (lasts(*credentials, kAhead)) return true;
    const MutexLock lock(mutex_);
    return lasts(*credentials, {}) && steady_clock::now() < next_try_;
  };
  auto credentials = kept();
  if (good_enough(credentials)) return credentials;
  const MutexLock fetching(fetch_mutex_);
  credentials = kept();  // another may have fetched them meanwhile
  if (good_enough(credentials)) return credentials;
  const bool are_good = credentials != nullptr && lasts(*credentials, {});
  auto fetched = fetch(are_good ? std::min(deadline, steady_clock::now() + kPatienceWhileTheyLast) : deadline);
  if (!fetched.ok() && are_good) return credentials;
  return fetched;
}

Result<std::shared_ptr<const AwsCredentials>> CurrentCredentials::renew(const AwsCredentials& refused,
                                                                        Deadline deadline) {
  const MutexLock fetching(fetch_mutex_);
  auto credentials = kept();
  if (credentials != nullptr && !credentials->same_keys(refused)) return credentials;
  return fetch(deadline);
}

}  // namespace modelfs
