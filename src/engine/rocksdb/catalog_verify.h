// Whether the files of a catalog that is open are what RocksDB wrote.
#pragma once
#include <string>
#include <vector>

#include "engine/rocksdb/database.h"

namespace modelfs {

// What is damaged, a sentence each: tables, files of large values, the MANIFEST, logs. A damaged log is written again
// from memory. Holds the database for moments only. May take long.
std::vector<std::string> verify_catalog(Database& database);

}  // namespace modelfs
