// Credential sources that are asked over HTTP: STS, a container's endpoint, the instance's metadata.
// Source: docs.aws.amazon.com, "AWS SDKs and Tools Reference Guide": assume role with web identity, container and IMDS
// credential providers.
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/s3/credential_sources.h"
#include "engine/s3/s3_url.h"
#include "engine/s3/s3_xml.h"
#include "engine/s3/server_time.h"

namespace modelfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kTokenBytesMax = 64 << 10;
constexpr milliseconds kMetadataPatience = std::chrono::seconds(1);
constexpr milliseconds kContainerPatience = std::chrono::seconds(5);
constexpr char kContainerHost[] = "http://169.254.170.2";
constexpr char kInstanceHost[] = "http://169.254.169.254";
constexpr char kRolePath[] = "/latest/meta-data/iam/security-credentials/";

Result<std::string> read_token(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return Status(Code::Denied, Status::from_errno(errno, "read the token " + path).message());
  auto text = read_all(file.fd(), kTokenBytesMax);
  if (!text.ok()) return Status(Code::Denied, "the token " + path + " cannot be read: " + text.status().message());
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  if (text->empty() || text->find_first_of("\r\n") != std::string::npos) {
    return Status(Code::Denied, "the token " + path + " is not one line");
  }
  return text;
}

Status failure_of(const HttpAnswer& answer, const std::string& source) {
  if (answer.fault != HttpFault::None) return {Code::Unavailable, source + " cannot be asked: " + answer.reason};
  const S3Error error = parse_s3_error(answer.body);
  const Code code = answer.status >= 500 || answer.status == 429 ? Code::Unavailable : Code::Denied;
  return {code, source + " answered " + std::to_string(answer.status) + (error.code.empty() ? "" : " " + error.code) +
                    (error.message.empty() ? "" : ": " + error.message)};
}

bool is_transient(const HttpAnswer& answer) {
  if (answer.fault != HttpFault::None) return answer.fault != HttpFault::Untrusted;
  return answer.status >= 500 || answer.status == 429;
}

// Once more after what may have been an accident.
HttpAnswer ask_twice(HttpClient& http, HttpRequest request, Deadline deadline, milliseconds patience) {
  const auto ask = [&] {
    request.deadline = std::min(deadline, steady_clock::now() + patience);
    return http.perform(request);
  };
  HttpAnswer answer = ask();
  return is_transient(answer) ? ask() : answer;
}

std::string sts_origin(const CredentialQuestion& question) {
  const std::string named = question.variable("AWS_ENDPOINT_URL_STS");
  if (!named.empty()) return named;
  const std::string& region = question.settings.region;
  return "https://sts." + region + (region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com");
}

// Hosts that a token may be sent to without TLS: this machine, and those that ECS and EKS have on it.
bool may_be_told(const HttpOrigin& origin) {
  return origin.is_tls || origin.is_loopback() || origin.host == "169.254.170.2" || origin.host == "169.254.170.23" ||
         origin.host == "[fd00:ec2::23]";
}

Result<std::string> container_token(const CredentialQuestion& question) {
  const std::string file = question.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!file.empty()) return read_token(file);
  return question.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
}

}  // namespace

Found assume_web_identity(const CredentialQuestion& question, const WebIdentity& identity) {
  if (identity.role_arn.empty()) return Status(Code::Denied, identity.source + " has no role (AWS_ROLE_ARN)");
  const auto token = read_token(identity.token_file);
  if (!token.ok()) return token.status();
  const auto origin = parse_origin(sts_origin(question));
  if (!origin.ok()) return Status(Code::Denied, "STS: " + origin.status().message());
  if (!may_be_told(*origin)) return Status(Code::Denied, "STS is asked by https only, but on this machine");
  const std::string form =
      canonical_query({{"Action", "AssumeRoleWithWebIdentity"},
                       {"Version", "2011-06-15"},
                       {"RoleArn", identity.role_arn},
                       {"RoleSessionName", identity.session_name.empty() ? "modelfs" : identity.session_name},
                       {"WebIdentityToken", *token}});
  const BytesSource body(bytes_of(form));
  HttpRequest request;
  request.method = "POST";
  request.url = origin->str() + "/";
  request.headers = {{"content-type", "application/x-www-form-urlencoded"}};
  request.body = {&body, 0, form.size(), nullptr};
  request.past_proxy = origin->is_loopback();
  const HttpAnswer answer = ask_twice(question.http, request, question.deadline, std::chrono::seconds(10));
  if (!answer.is_success()) return failure_of(answer, "STS, for " + identity.source + ",");
  const auto text = [&](const char* name) {
    const std::string in = "AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials/";
    const auto found = xml_text(answer.body, in + name);
    return found.ok() ? *found : std::string();
  };
  AwsCredentials credentials;
  credentials.key_id = text("AccessKeyId");
  credentials.secret = text("SecretAccessKey");
  credentials.session_token = text("SessionToken");
  credentials.expiry = parse_utc(text("Expiration"));
  credentials.source = identity.source;
  if (credentials.key_id.empty() || credentials.secret.empty()) {
    return Status(Code::Denied, "STS answered no credentials for " + identity.source);
  }
  return {std::move(credentials)};
}

Found keys_of_web_identity(const CredentialQuestion& question) {
  const std::string token_file = question.variable("AWS_WEB_IDENTITY_TOKEN_FILE");
  if (token_file.empty() || !question.settings.profile.empty()) return {std::nullopt};
  return assume_web_identity(question, {token_file, question.variable("AWS_ROLE_ARN"),
                                        question.variable("AWS_ROLE_SESSION_NAME"), "the web identity"});
}

Found keys_of_container(const CredentialQuestion& question) {
  const std::string relative = question.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string full = question.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && full.empty()) return {std::nullopt};
  const std::string source = "the container's endpoint";
  const std::string url = relative.empty() ? full : kContainerHost + relative;
  const std::size_t path = url.find('/', url.find("://") == std::string::npos ? 0 : url.find("://") + 3);
  const auto origin = parse_origin(url.substr(0, path));
  if (!origin.ok()) return Status(Code::Denied, source + ": " + origin.status().message());
  if (!may_be_told(*origin)) return Status(Code::Denied, source + " must be https, or on this machine");
  const auto token = container_token(question);
  if (!token.ok()) return token.status();
  if (token->find_first_of("\r\n") != std::string::npos) {
    return Status(Code::Denied, "AWS_CONTAINER_AUTHORIZATION_TOKEN has line ends in it");
  }
  HttpRequest request;
  request.url = url;
  if (!token->empty()) request.headers = {{"authorization", *token}};
  request.past_proxy = !origin->is_tls;
  const HttpAnswer answer = ask_twice(question.http, request, question.deadline, kContainerPatience);
  if (!answer.is_success()) return failure_of(answer, source);
  return parse_credentials_json(answer.body, source);
}

Found keys_of_instance(const CredentialQuestion& question) {
  if (question.variable("AWS_EC2_METADATA_DISABLED") == "true") return {std::nullopt};
  std::string host = question.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (host.empty()) host = kInstanceHost;
  while (host.ends_with('/')) host.pop_back();
  const std::string source = "the instance's metadata";
  HttpRequest request;
  request.method = "PUT";
  request.url = host + "/latest/api/token";
  request.headers = {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}};
  request.past_proxy = true;
  const HttpAnswer token = ask_twice(question.http, request, question.deadline, kMetadataPatience);
  // Nobody there: this is no instance.
  if (!token.is_success() || token.body.find_first_of("\r\n") != std::string::npos) return {std::nullopt};
  request.method = "GET";
  request.headers = {{"x-aws-ec2-metadata-token", token.body}};
  request.url = host + kRolePath;
  const HttpAnswer roles = ask_twice(question.http, request, question.deadline, kMetadataPatience);
  if (roles.fault == HttpFault::None && roles.status == 404) return {std::nullopt};  // it has no role
  if (!roles.is_success()) return failure_of(roles, source);
  request.url = host + kRolePath + uri_encode(roles.body.substr(0, roles.body.find('\n')));
  const HttpAnswer answer = ask_twice(question.http, request, question.deadline, kMetadataPatience);
  if (!answer.is_success()) return failure_of(answer, source);
  return parse_credentials_json(answer.body, source);
}

}  // namespace modelfs
