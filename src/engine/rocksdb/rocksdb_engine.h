// The engine of a store on a local disk: RocksDB for keys, plain files for blobs.
// A store that cannot be opened for writing, since its disk is full or fails, is opened for reading; the next commits
// try to open it again.
#pragma once
#include <string>

#include "base/status.h"
#include "engine/rocksdb/rocksdb_options.h"
#include "store/engine.h"

namespace modelfs {

// Opens, or creates where they are absent (not read-only: then NotFound), `store_path`/catalog and `store_path`/blobs.
// The caller holds the store's lock (StoreLock). Corrupt: files of the catalog are missing or damaged; nothing is
// created over them. TooLarge: the process may not write files as large as the catalog's (kFileSizeLimitMin).
Result<Engine> open_rocksdb_engine(const std::string& store_path, const RocksdbOptions& options);

}  // namespace modelfs
