// Keys that requests are signed with.
#pragma once
#include <chrono>
#include <optional>
#include <string>

namespace modelfs {

// Never goes into a message, an event or the log, in no part of it; `source` does.
struct AwsCredentials {
  std::string key_id;
  std::string secret;
  std::string session_token;  // empty: they need none
  // When they cease to be taken; none: nobody said that they do.
  std::optional<std::chrono::system_clock::time_point> expiry;
  std::string source;  // where they come from, for messages: "the environment", "profile churn"

  bool same_keys(const AwsCredentials& other) const {
    return key_id == other.key_id && secret == other.secret && session_token == other.session_token;
  }
};

}  // namespace modelfs
