// What lies in a log of RocksDB, looked at without RocksDB: its recovery ends at the first record that is damaged and
// says nothing of what lies behind.
// Source of the format: db/log_format.h and db/log_reader.cc of RocksDB 7.8; logs are not recycled here.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"

namespace modelfs {

struct LogScan {
  // Of the last batch before the damage, or of all; nothing where there is none. Of write-ahead logs only.
  std::optional<std::uint64_t> last_sequence;
  // Where the first record begins that is not whole.
  std::optional<std::uint64_t> damaged_at;
  // A whole record lies behind that: no write that was cut short leaves one.
  bool has_more_behind = false;
};

// Reads the log (or MANIFEST, which has the same format) at `path`. NotFound, IoError: it cannot be read.
Result<LogScan> scan_log(const std::string& path);

}  // namespace modelfs
