// Each place that may have credentials, asked once.
#pragma once
#include <optional>

#include "engine/s3/aws_credentials.h"
#include "engine/s3/credential_settings.h"
#include "engine/s3/http.h"

namespace modelfs {

struct CredentialQuestion {
  const CredentialSettings& settings;
  HttpClient& http;
  Deadline deadline;

  std::string variable(const std::string& name) const { return value_of(settings.environment, name); }
};

// None: nothing is set up here, and the next one may be asked. A Status: something is, and it gives none.
using Found = Result<std::optional<AwsCredentials>>;

Found keys_of_environment(const CredentialQuestion& question);
Found keys_of_web_identity(const CredentialQuestion& question);
Found keys_of_profile(const CredentialQuestion& question);
Found keys_of_container(const CredentialQuestion& question);
Found keys_of_instance(const CredentialQuestion& question);

// Of AssumeRoleWithWebIdentity.
struct WebIdentity {
  std::string token_file;
  std::string role_arn;
  std::string session_name;
  std::string source;
};
Found assume_web_identity(const CredentialQuestion& question, const WebIdentity& identity);

// The document that a credential_process, a container's endpoint and the instance answer. Denied: there are no keys in
// it. `source` is for messages, which have nothing of the document.
Found parse_credentials_json(const std::string& text, const std::string& source);

// The words of a command line: blanks part them, quotes and '\' keep them together, nothing is expanded.
// InvalidArgument: a quote does not end.
Result<std::vector<std::string>> split_command(std::string_view text);

}  // namespace modelfs
