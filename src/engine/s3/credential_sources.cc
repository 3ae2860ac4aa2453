// Those that are on this machine: the environment, and the files in ~/.aws with the programs that they name.
#include "engine/s3/credential_sources.h"

#include <unistd.h>

#include "os/program_output.h"

namespace modelfs {
namespace {

Found run_credential_process(const CredentialQuestion& question, const AwsProfile& profile) {
  const std::string source = "credential_process of profile " + profile.name;
  auto words = split_command(profile.value("credential_process"));
  if (!words.ok() || words->empty()) return Status(Code::Denied, source + " is no command line");
  ProgramQuestion program;
  program.arguments = std::move(*words);
  program.home = question.settings.home;
  program.deadline = question.deadline;
  // Why: who may write the file must not have root run a program.
  if (::geteuid() == 0 && profile.process_uid != 0) program.user = {profile.process_uid, profile.process_gid};
  const auto output = ask_program(program);
  if (output.ok()) return parse_credentials_json(*output, source);
  const Code code = output.code() == Code::Unavailable ? Code::Unavailable : Code::Denied;
  return Status(code, source + ": " + output.status().message() + "; run it by hand to see what it says");
}

Status not_supported(const AwsProfile& profile) {
  const bool is_sso = !profile.value("sso_session").empty() || !profile.value("sso_start_url").empty();
  return {Code::Denied, "profile " + profile.name + (is_sso ? " signs in with SSO" : " assumes a role") +
                            ", which modelfs leaves to the AWS CLI: use a profile with credential_process = aws "
                            "configure export-credentials --format process --profile " +
                            profile.name};
}

}  // namespace

Found keys_of_environment(const CredentialQuestion& question) {
  if (!question.settings.profile.empty()) return {std::nullopt};
  AwsCredentials credentials;
  credentials.key_id = question.variable("AWS_ACCESS_KEY_ID");
  credentials.secret = question.variable("AWS_SECRET_ACCESS_KEY");
  credentials.session_token = question.variable("AWS_SESSION_TOKEN");
  credentials.source = "the environment";
  if (credentials.key_id.empty() && credentials.secret.empty()) return {std::nullopt};
  if (credentials.key_id.empty() || credentials.secret.empty()) {
    return Status(Code::Denied,
                  "the environment has one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only: set both or neither");
  }
  return {std::move(credentials)};
}

Found keys_of_profile(const CredentialQuestion& question) {
  const CredentialSettings& settings = question.settings;
  const auto profile = read_aws_profile(settings.environment, settings.home, settings.profile);
  if (!profile.ok()) return Status(Code::Denied, profile.status().message());
  if (!profile->exists) {
    const bool is_named = !settings.profile.empty() || !question.variable("AWS_PROFILE").empty();
    if (!is_named) return {std::nullopt};
    return Status(Code::Denied, "there is no profile " + profile->name + " in " + settings.home +
                                    "/.aws; `aws configure list-profiles` names those that are there");
  }
  AwsCredentials credentials;
  credentials.key_id = profile->value("aws_access_key_id");
  credentials.secret = profile->value("aws_secret_access_key");
  credentials.session_token = profile->value("aws_session_token");
  credentials.source = "profile " + profile->name;
  const std::string token_file = profile->value("web_identity_token_file");
  if (!token_file.empty()) {
    return assume_web_identity(question, {token_file, profile->value("role_arn"), profile->value("role_session_name"),
                                          "the web identity of " + credentials.source});
  }
  if (!profile->value("role_arn").empty()) return not_supported(*profile);
  if (!credentials.key_id.empty() && !credentials.secret.empty()) return {std::move(credentials)};
  if (!profile->value("credential_process").empty()) return run_credential_process(question, *profile);
  if (!profile->value("sso_session").empty() || !profile->value("sso_start_url").empty()) {
    return not_supported(*profile);
  }
  return {std::nullopt};
}

}  // namespace modelfs
