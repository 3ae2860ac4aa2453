// A file of large values beside RocksDB's tables, checked without RocksDB, which checks a value when it is read.
// Source of the format: db/blob/blob_log_format.h of RocksDB 7.8.
#pragma once
#include <string>

#include "base/status.h"

namespace modelfs {

// Reads the whole file. Corrupt: a checksum does not match, or it ends early; the message says where. NotFound.
Status check_large_value_file(const std::string& path);

}  // namespace modelfs
