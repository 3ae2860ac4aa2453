// What commands print to stdout: JSON for programs, tables for people.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace modelfs {

// "17", "1.0K", "3.9M": at most five characters, powers of 1024, rounded up as ls -h does.
std::string human_size(std::uint64_t bytes);
// "1 file", "2 files".
std::string counted(std::uint64_t count, const std::string& thing);
// "5 s", "3 min", "2 h", "4 d".
std::string human_age(std::int64_t seconds);
// "2026-11-21 22:00:00" of "2026-11-21T22:00:00.123456789Z": UTC, as everywhere.
std::string short_time(const std::string& iso);
// "6b86b273ff34" of "sha256:6b86b273ff34…".
std::string short_digest(const std::string& digest);
// Seconds since 1970 of an ISO time as above; 0 for anything else.
std::int64_t parse_time(const std::string& iso);

// Columns as wide as their widest cell. Cells are escaped, so that no name can move a terminal's cursor.
class Table {
 public:
  enum class Align { Left, Right };
  struct Column {
    std::string title;
    Align align = Align::Left;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // With a line of titles; nothing at all for a table without rows.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Writes to stdout. False: it could not be written (a full disk, a closed pipe); the command then fails.
bool print(std::string_view text);
bool print_json(const nlohmann::json& document);

}  // namespace modelfs
