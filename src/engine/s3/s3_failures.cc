#include "engine/s3/s3_failures.h"

namespace modelfs {
namespace {

constexpr std::size_t kLineBytesMax = 200;
constexpr std::size_t kSecretBytesMin = 4;  // shorter ones are not looked for

void hide(std::string& text, const std::string& secret) {
  if (secret.size() < kSecretBytesMin) return;
  for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos;) text.replace(at, secret.size(), "***");
}

// What the server has said: "403 AccessDenied (Access Denied)".
std::string words_of(const S3Failure& failure) {
  const S3Error& error = failure.answer.error;
  std::string words = std::to_string(failure.answer.status);
  if (!error.code.empty()) words += " " + error.code;
  if (!error.message.empty()) words += " (" + error.message + ")";
  words = one_line(words);
  hide(words, failure.credentials.key_id);
  hide(words, failure.credentials.secret);
  hide(words, failure.credentials.session_token);
  return words;
}

std::string server_of(const S3Failure& failure) { return failure.options.origin().authority(); }

Status of_fault(const S3Failure& failure) {
  const HttpAnswer& answer = failure.answer;
  const std::string server = server_of(failure);
  const std::string reason = " (" + one_line(answer.reason) + ")";
  switch (answer.fault) {
    case HttpFault::UnknownHost:
      return {Code::Unavailable, "no address is known for " + server + reason +
                                     ": check the endpoint (AWS_ENDPOINT_URL_S3) and the network"};
    case HttpFault::Unreachable:
      return {Code::Unavailable, server + " cannot be reached" + reason +
                                     ": check that it runs, the endpoint (AWS_ENDPOINT_URL_S3) and the network"};
    case HttpFault::Untrusted:
      return {Code::Unavailable, "the TLS of " + server + " is not trusted" + reason +
                                     ": name the certificate of its CA by the option ca=FILE or by AWS_CA_BUNDLE"};
    case HttpFault::BadSource: return {answer.source_error.code(), answer.source_error.message()};
    case HttpFault::TooMuch: return {Code::IoError, server + ": " + answer.reason};
    case HttpFault::Silent:
    case HttpFault::Cut:
    case HttpFault::None: break;
  }
  return {Code::Unavailable, server + " has not answered" + reason};
}

Status of_region(const S3Failure& failure) {
  std::string region = failure.answer.error.region;
  if (region.empty()) region = one_line(failure.answer.header("x-amz-bucket-region"));
  const std::string advice = region.empty() ? "set AWS_REGION to the bucket's region" : "set AWS_REGION=" + region;
  return {Code::Denied, "the bucket is not in the region " + failure.options.region + ": " + advice + "; " +
                            server_of(failure) + " answered " + words_of(failure)};
}

// Codes that say what is wrong with the credentials.
Status of_refusal(const S3Failure& failure) {
  const std::string& code = failure.answer.error.code;
  const std::string answered = server_of(failure) + " answered " + words_of(failure);
  const std::string& source = failure.credentials.source;
  if (code == "SignatureDoesNotMatch") {
    return {Code::Denied, answered + ": the secret access key does not belong to the key id; both come from " + source};
  }
  if (code == "RequestTimeTooSkewed") {
    return {Code::Denied, answered + ": its clock is " + std::to_string(failure.clock_skew.count()) +
                              " s ahead of this machine's; have both set by NTP"};
  }
  if (code == "InvalidAccessKeyId" || code == "InvalidClientTokenId") {
    return {Code::Denied, answered + ": it does not know the key id, which comes from " + source};
  }
  if (code.starts_with("Expired") || code == "TokenRefreshRequired" || code == "InvalidToken") {
    return {Code::Denied, answered + ": the credentials are of " + source + ", and it gives no newer ones"};
  }
  return {Code::Denied, answered + ": a policy must allow " + failure.call.action + " on " +
                            failure.options.where.str() + " to whom the keys of " + source + " belong"};
}

Status of_answer(const S3Failure& failure) {
  const S3Answer& answer = failure.answer;
  const std::string& code = answer.error.code;
  const std::string answered = server_of(failure) + " answered " + words_of(failure);
  const bool is_elsewhere = answer.status == 301 || answer.status == 307 || code == "AuthorizationHeaderMalformed" ||
                            code == "IllegalLocationConstraintException" || code == "PermanentRedirect";
  if (is_elsewhere) return of_region(failure);
  if (code == "XAmzContentSHA256Mismatch" || code == "BadDigest" || code == "InvalidDigest") {
    return {Code::Corrupt, answered + ": the bytes are not those that were signed"};
  }
  if (answer.status == 401 || answer.status == 403 || code.starts_with("Expired") || code == "InvalidToken" ||
      code == "TokenRefreshRequired") {
    return of_refusal(failure);
  }
  if (code == "NoSuchBucket") {
    return {Code::IoError, answered + ": there is no bucket " + failure.options.where.bucket +
                               "; make it, or check its name and the endpoint"};
  }
  if (answer.status == 501 || code == "NotImplemented") {
    return {Code::Unsupported, answered + " to " + failure.call.method + " with " +
                                   (failure.call.only_once ? "If-None-Match: *, which modelfs cannot do without"
                                                           : "what modelfs cannot do without")};
  }
  if (answer.status == 404) {
    return {Code::IoError, answered + " without saying that there is no such key: check the endpoint"};
  }
  if (answer.status == 429 || answer.status == 409 || answer.status >= 500 || answer.status == 408) {
    return {Code::Unavailable, answered};
  }
  return {Code::IoError, answered + " to " + failure.call.method + " (" + failure.call.action + ")"};
}

}  // namespace

std::string one_line(std::string text) {
  for (char& byte : text) {
    if (static_cast<unsigned char>(byte) < ' ' || byte == '\x7f') byte = ' ';
  }
  if (text.size() > kLineBytesMax) text = text.substr(0, kLineBytesMax) + "...";
  return text;
}

Status failure_of(const S3Failure& failure) {
  const Status status = failure.answer.fault == HttpFault::None ? of_answer(failure) : of_fault(failure);
  const std::string name = failure.call.key.empty() ? failure.options.where.str()
                                                    : "s3://" + failure.options.where.bucket + "/" + failure.call.key;
  return {status.code(), name + ": " + status.message()};
}

}  // namespace modelfs
