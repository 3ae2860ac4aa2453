#include "engine/s3/s3_url.h"

#include <algorithm>

#include "store/remote.h"

namespace modelfs {
namespace {

constexpr std::string_view kScheme = "s3://";
constexpr std::size_t kBucketBytesMin = 3;
constexpr std::size_t kBucketBytesMax = 63;
constexpr std::size_t kPrefixBytesMax = 256;
constexpr std::size_t kHostBytesMax = 253;

bool is_lower_or_digit(char byte) { return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9'); }

bool names_bucket(std::string_view bucket) {
  return bucket.size() >= kBucketBytesMin && bucket.size() <= kBucketBytesMax && is_lower_or_digit(bucket.front()) &&
         std::all_of(bucket.begin(), bucket.end(),
                     [](char byte) { return is_lower_or_digit(byte) || byte == '.' || byte == '-' || byte == '_'; });
}

bool is_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char byte) { return byte >= '0' && byte <= '9'; });
}

bool names_host(std::string_view host) {
  return !host.empty() && host.size() <= kHostBytesMax && std::all_of(host.begin(), host.end(), [](char byte) {
    return is_lower_or_digit(byte) || (byte >= 'A' && byte <= 'Z') || byte == '.' || byte == '-' || byte == '_';
  });
}

bool is_address_of_6(std::string_view host) {
  return host.size() > 2 && host.front() == '[' && host.back() == ']' &&
         host.substr(1, host.size() - 2).find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

}  // namespace

Result<S3Url> parse_s3_url(std::string_view url) {
  const auto refused = [&](const std::string& why) {
    return Status(Code::InvalidArgument, "'" + std::string(url.substr(0, 200)) + "' is no bucket's address: " + why);
  };
  if (!url.starts_with(kScheme)) return refused("it must be s3://BUCKET/PREFIX");
  const std::string_view rest = url.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  S3Url parsed;
  parsed.bucket = rest.substr(0, slash);
  if (!names_bucket(parsed.bucket)) return refused("a bucket's name has 3 to 63 of a-z, 0-9, '.', '-' and '_'");
  if (slash == std::string_view::npos) return parsed;
  std::string_view prefix = rest.substr(slash + 1);
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (prefix.empty()) return parsed;
  if (prefix.size() > kPrefixBytesMax) return refused("its prefix has more than 256 bytes");
  if (const Status checked = check_remote_name(prefix); !checked.ok()) return refused(checked.message());
  parsed.prefix = prefix;
  return parsed;
}

bool HttpOrigin::is_loopback() const {
  return host == "localhost" || host == "[::1]" || (host.starts_with("127.") && is_address());
}

bool HttpOrigin::is_address() const {
  return is_address_of_6(host) || host.find_first_not_of("0123456789.") == std::string::npos;
}

Result<HttpOrigin> parse_origin(std::string_view url) {
  const auto refused = [&](const char* why) {
    // Why not the URL: it may have a password in it.
    return Status(Code::InvalidArgument, std::string("an endpoint is https://HOST[:PORT]: ") + why);
  };
  HttpOrigin origin;
  if (url.starts_with("https://")) {
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    origin.is_tls = false;
    url.remove_prefix(7);
  } else {
    return refused("it begins with neither https:// nor http://");
  }
  if (url.ends_with('/')) url.remove_suffix(1);
  if (url.find_first_of("/?#@") != std::string_view::npos) return refused("there is more in it than a host and a port");
  const std::size_t bracket = url.find(']');
  const std::size_t colon = url.find(':', bracket == std::string_view::npos ? 0 : bracket);
  origin.host = url.substr(0, colon);
  if (!names_host(origin.host) && !is_address_of_6(origin.host)) return refused("its host is no name and no address");
  if (colon == std::string_view::npos) return origin;
  origin.port = url.substr(colon + 1);
  if (origin.port.empty() || origin.port.size() > 5 || !is_digits(origin.port)) return refused("its port is no number");
  // Why: libcurl does not send it, and what is sent is what is signed.
  if (origin.port == (origin.is_tls ? "443" : "80")) origin.port.clear();
  return origin;
}

}  // namespace modelfs
