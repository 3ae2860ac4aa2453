// The directory `catalog` of a store: what must lie there before RocksDB may open it.
// Why we check first: RocksDB would create an empty database over the remains of a damaged one.
#pragma once
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <memory>
#include <string>

#include "base/status.h"
#include "engine/rocksdb/newest_mark.h"

namespace modelfs {

inline constexpr const char* kCatalogName = "catalog";
// More logs in which nothing was ever written are removed when a catalog is opened.
inline constexpr std::size_t kEmptyLogsMax = 16;

// False when the directory is absent or empty.
Result<bool> has_catalog(int store_directory);

// Makes an empty catalog. Atomic: an interrupted creation leaves no catalog, and is simply done again.
// `store_path` is the absolute path of `store_directory`. AlreadyExists: has_catalog().
Status create_catalog(int store_directory, const std::string& store_path, const rocksdb::Options& options);

// Opens the catalog; never creates one. Advances `mark` to what it found.
// Corrupt: files are missing or damaged, or what was acknowledged is lost; the message names them.
// Busy: another process has it open.
Result<std::unique_ptr<rocksdb::DB>> open_catalog(const std::string& store_path, const rocksdb::Options& options,
                                                  NewestMark& mark);

// The same for reading only: writes nothing, not even a lock, and has what the log holds in memory.
Result<std::unique_ptr<rocksdb::DB>> open_catalog_for_reading(const std::string& store_path,
                                                              const rocksdb::Options& options, const NewestMark& mark);

// What open_catalog() may write: the logs once more, as tables, and a few small files.
std::uint64_t bytes_to_open_catalog(const std::string& store_path);

}  // namespace modelfs
