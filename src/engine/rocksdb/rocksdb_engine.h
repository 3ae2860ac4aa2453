// The engine of a store on a local disk: RocksDB for keys, plain files for blobs.
#pragma once
#include <cstdint>
#include <string>

#include "base/status.h"
#include "store/engine.h"

namespace modelfs {

// Values of at least so much lie in files beside RocksDB's tables (`catalog/*.blob`).
inline constexpr std::uint64_t kLargeValueBytes = 64 << 10;

struct RocksdbOptions {
  // Below this much free space commits that grow are refused with NoSpace, so that RocksDB never meets a full disk: its
  // Debian build (7.8.3) aborts the process there, and heals only by being reopened. Commits that reclaim may use it
  // down to an eighth. 0: no reserve, for tests only.
  std::uint64_t reserve_bytes = 64ull << 20;
  std::uint64_t block_cache_bytes = 32ull << 20;
  std::uint64_t write_buffer_bytes = 16ull << 20;
};

// Opens, or creates where they are absent, `store_path`/catalog and `store_path`/blobs.
// The caller holds the store's lock (StoreLock). Corrupt: files of the catalog are missing or damaged; nothing is
// created over them.
Result<Engine> open_rocksdb_engine(const std::string& store_path, const RocksdbOptions& options);

}  // namespace modelfs
