// Translates RocksDB's errors into Status, and its log messages into our log.
#pragma once
#include <rocksdb/env.h>
#include <rocksdb/status.h>

#include <memory>
#include <string_view>

#include "base/status.h"

namespace modelfs {

// `what` names the operation, e.g. "commit".
Status status_of(const rocksdb::Status& status, std::string_view what);

// A Logger that passes RocksDB's warnings and errors on to our log.
// Why RocksDB must never log to a file of its own: Debian's build (7.8.3) has assertions on, and the one that guards a
// log file's writer aborts the process when the disk is full.
std::shared_ptr<rocksdb::Logger> make_rocksdb_logger();

}  // namespace modelfs
