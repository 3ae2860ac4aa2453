#include <nlohmann/json.hpp>

#include "engine/s3/credential_sources.h"
#include "engine/s3/server_time.h"

namespace modelfs {
namespace {

constexpr std::size_t kDocumentBytesMax = 64 << 10;

std::string string_in(const nlohmann::json& document, const char* name) {
  const auto found = document.find(name);
  return found != document.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Found parse_credentials_json(const std::string& text, const std::string& source) {
  const Status refused(Code::Denied, source + " gave no credentials: its answer has no AccessKeyId and no secret");
  if (text.size() > kDocumentBytesMax) return refused;
  const auto document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object()) return refused;
  AwsCredentials credentials;
  credentials.key_id = string_in(document, "AccessKeyId");
  credentials.secret = string_in(document, "SecretAccessKey");
  // A process says SessionToken, the endpoints say Token.
  credentials.session_token = string_in(document, "SessionToken");
  if (credentials.session_token.empty()) credentials.session_token = string_in(document, "Token");
  const std::string expiry = string_in(document, "Expiration");
  credentials.expiry = parse_utc(expiry);
  credentials.source = source;
  if (credentials.key_id.empty() || credentials.secret.empty()) return refused;
  if (!expiry.empty() && !credentials.expiry) {
    return Status(Code::Denied, source + " gave credentials with an Expiration that is no time of ISO 8601 in UTC");
  }
  return {std::move(credentials)};
}

Result<std::vector<std::string>> split_command(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = '\0';
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char byte = text[at];
    const bool is_escape = byte == '\\' && quote != '\'' && at + 1 < text.size();
    if (quote == '\0' && (byte == ' ' || byte == '\t')) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (is_escape) {
      words.back() += text[++at];
    } else if (quote != '\0') {
      if (byte == quote) {
        quote = '\0';
      } else {
        words.back() += byte;
      }
    } else if (byte == '\'' || byte == '"') {
      quote = byte;
    } else {
      words.back() += byte;
    }
  }
  if (quote != '\0') return Status(Code::InvalidArgument, "a quote does not end");
  return words;
}

}  // namespace modelfs
