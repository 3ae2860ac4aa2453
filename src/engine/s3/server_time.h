// Moments as servers write them.
#pragma once
#include <chrono>
#include <optional>
#include <string>

namespace modelfs {

// "2026-12-01T14:20:41Z", with or without a fraction, or "+00:00" for "Z". None: it is none.
std::optional<std::chrono::system_clock::time_point> parse_utc(const std::string& text);

// "Tue, 01 Dec 2026 14:20:41 GMT". None: it is none.
std::optional<std::chrono::system_clock::time_point> parse_http_date(const std::string& text);

}  // namespace modelfs
