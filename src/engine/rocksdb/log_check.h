// Whether the logs of a catalog have lost what was acknowledged: looked at before RocksDB opens it, which would take
// what is left for all there was, and remove the rest.
#pragma once
#include <rocksdb/options.h>

#include <string>

#include "base/status.h"
#include "engine/rocksdb/newest_mark.h"

namespace modelfs {

// Changes nothing. `path`: of a catalog that no process has open.
// Corrupt: commits that were acknowledged cannot be read; the message says where, and how to go on.
// Ok for the torn tail of a kill or of power loss, and where `mark` says nothing.
Status check_logs(const std::string& path, const rocksdb::Options& options, const NewestMark& mark);

}  // namespace modelfs
