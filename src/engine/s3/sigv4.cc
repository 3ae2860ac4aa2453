#include "engine/s3/sigv4.h"

#include <time.h>

#include <algorithm>
#include <array>

#include "base/digest.h"

namespace modelfs {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::size_t kDayChars = 8;  // of a date: "20150830"

bool is_unreserved(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '-' ||
         byte == '.' || byte == '_' || byte == '~';
}

std::string percent_encoded(std::string_view text, std::string_view kept) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char byte : text) {
    if (is_unreserved(byte) || kept.find(byte) != std::string_view::npos) {
      encoded += byte;
      continue;
    }
    const auto value = static_cast<unsigned char>(byte);
    encoded += '%';
    encoded += kDigits[value >> 4];
    encoded += kDigits[value & 15];
  }
  return encoded;
}

// Without spaces at the ends, and with one where several stand together.
std::string trimmed(std::string_view value) {
  std::string text;
  for (const char byte : value) {
    if (byte == ' ' && (text.empty() || text.back() == ' ')) continue;
    text += byte;
  }
  if (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

NamedValues sorted(NamedValues values) {
  std::sort(values.begin(), values.end());
  return values;
}

std::string signed_names(const NamedValues& headers) {
  std::string names;
  for (const auto& [name, value] : headers) names += (names.empty() ? "" : ";") + name;
  return names;
}

std::string canonical_request(const RequestToSign& request, const NamedValues& headers) {
  std::string text =
      request.method + "\n" + uri_encode_path(request.path) + "\n" + canonical_query(request.query) + "\n";
  for (const auto& [name, value] : headers) text += name + ":" + trimmed(value) + "\n";
  return text + "\n" + signed_names(headers) + "\n" + request.payload_sha256;
}

Digest signing_key(const std::string& secret, const std::string& day, const SigningScope& scope) {
  const auto step = [](const Digest& key, std::string_view text) {
    return hmac_sha256(bytes_of(key.raw_bytes()), bytes_of(text));
  };
  const Digest of_day = hmac_sha256(bytes_of("AWS4" + secret), bytes_of(day));
  return step(step(step(of_day, scope.region), scope.service), "aws4_request");
}

}  // namespace

std::string uri_encode(std::string_view text) { return percent_encoded(text, ""); }

std::string uri_encode_path(std::string_view path) { return percent_encoded(path, "/"); }

std::string canonical_query(const NamedValues& query) {
  NamedValues encoded;
  for (const auto& [name, value] : query) encoded.emplace_back(uri_encode(name), uri_encode(value));
  std::string text;
  for (const auto& [name, value] : sorted(std::move(encoded))) text += (text.empty() ? "" : "&") + name + "=" + value;
  return text;
}

std::string amz_date(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts);
  return {text.data(), size};
}

std::string authorization_of(const RequestToSign& request, const SigningScope& scope, const AwsCredentials& credentials,
                             const std::string& date) {
  const NamedValues headers = sorted(request.headers);
  const std::string day = date.substr(0, kDayChars);
  const std::string place = day + "/" + scope.region + "/" + scope.service + "/aws4_request";
  const std::string request_hash = hash_of(bytes_of(canonical_request(request, headers))).digest.hex();
  const std::string to_sign = std::string(kAlgorithm) + "\n" + date + "\n" + place + "\n" + request_hash;
  const Digest key = signing_key(credentials.secret, day, scope);
  return std::string(kAlgorithm) + " Credential=" + credentials.key_id + "/" + place +
         ", SignedHeaders=" + signed_names(headers) +
         ", Signature=" + hmac_sha256(bytes_of(key.raw_bytes()), bytes_of(to_sign)).hex();
}

}  // namespace modelfs
