#include "cli/output.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "base/names.h"

namespace modelfs {
namespace {

constexpr std::size_t kShortDigestDigits = 12;

// Code points, as every byte that continues none; close enough to columns for names of models.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }));
}

// Escaped, but for quotes, which a table does not use.
std::string shown(const std::string& text) {
  static constexpr std::string_view kEscapedQuote = "\\x27";
  std::string out = printable(text);
  for (std::size_t at = out.find(kEscapedQuote); at != std::string::npos; at = out.find(kEscapedQuote, at + 1)) {
    out.replace(at, kEscapedQuote.size(), "'");
  }
  return out;
}

}  // namespace

std::string human_size(std::uint64_t bytes) {
  static constexpr std::array<char, 6> kUnits{'K', 'M', 'G', 'T', 'P', 'E'};
  if (bytes < 1024) return std::to_string(bytes);
  // In tenths of a unit, rounded up, so that 1.05 shows as 1.1 and nothing shows as less than it is.
  std::size_t unit = 0;
  std::uint64_t size = bytes;
  bool cut = false;
  while (size >= 1024 * 1024) {
    cut = cut || (size & 1023) != 0;
    size >>= 10;
    ++unit;
  }
  std::uint64_t tenths = (size * 10 + (cut ? 1 : 0) + 1023) / 1024;
  if (tenths >= 10240 && unit + 1 < kUnits.size()) {
    tenths = 10;
    ++unit;
  }
  if (tenths < 100) return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + kUnits[unit];
  return std::to_string((tenths + 9) / 10) + kUnits[unit];
}

std::string counted(std::uint64_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

std::string human_age(std::int64_t seconds) {
  if (seconds < 0) return "0 s";
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min";
  if (seconds < 172800) return std::to_string(seconds / 3600) + " h";
  return std::to_string(seconds / 86400) + " d";
}

std::string short_time(const std::string& iso) {
  std::string text = iso.substr(0, 19);
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text;
}

std::string short_digest(const std::string& digest) {
  const std::size_t colon = digest.find(':');
  return digest.substr(colon == std::string::npos ? 0 : colon + 1, kShortDigestDigits);
}

std::int64_t parse_time(const std::string& iso) {
  std::tm parts{};
  if (::strptime(iso.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return 0;
  return ::timegm(&parts);
}

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (std::string& cell : cells) cell = shown(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  if (rows_.empty()) return "";
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = width_of(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, width_of(row[i]));
    widths.push_back(width);
  }
  std::string out;
  const auto add_line = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& cell = cell_of(i);
      const std::string padding(widths[i] - width_of(cell), ' ');
      if (i > 0) line += "  ";
      line += columns_[i].align == Align::Right ? padding + cell : cell + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  add_line([&](std::size_t i) -> const std::string& { return columns_[i].title; });
  for (const auto& row : rows_) add_line([&](std::size_t i) -> const std::string& { return row[i]; });
  return out;
}

bool print(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

bool print_json(const nlohmann::json& document) {
  return print(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace modelfs
