#include "engine/s3/server_time.h"

#include <curl/curl.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace modelfs {

std::optional<std::chrono::system_clock::time_point> parse_utc(const std::string& text) {
  std::tm parts{};
  int end = 0;
  const int read = std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                               &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &end);
  if (read != 6 || end == 0) return std::nullopt;
  std::string_view rest = std::string_view(text).substr(static_cast<std::size_t>(end));
  if (rest.starts_with('.')) rest.remove_prefix(std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
  if (rest != "Z" && rest != "+00:00" && rest != "+0000") return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  const std::time_t seconds = ::timegm(&parts);
  return std::chrono::system_clock::from_time_t(seconds);
}

std::optional<std::chrono::system_clock::time_point> parse_http_date(const std::string& text) {
  const std::time_t seconds = text.empty() ? -1 : curl_getdate(text.c_str(), nullptr);
  if (seconds == -1) return std::nullopt;
  return std::chrono::system_clock::from_time_t(seconds);
}

}  // namespace modelfs
