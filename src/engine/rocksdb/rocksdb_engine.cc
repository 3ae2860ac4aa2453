#include "engine/rocksdb/rocksdb_engine.h"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "engine/rocksdb/catalog_files.h"
#include "engine/rocksdb/database.h"
#include "engine/rocksdb/file_blobs.h"
#include "engine/rocksdb/newest_mark.h"
#include "engine/rocksdb/rocksdb_keys.h"
#include "engine/rocksdb/rocksdb_status.h"

namespace modelfs {
namespace {

constexpr int kBloomBitsPerKey = 10;
constexpr int kOpenTablesMax = 256;

// TooLarge: below kFileSizeLimitMin. Why refuse: nothing but the smallest commits would go through.
Status check_file_size_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur >= kFileSizeLimitMin) return {};
  return {Code::TooLarge, "this process may write files of " + std::to_string(limit.rlim_cur) +
                              " bytes only (ulimit -f, LimitFSIZE=), and the catalog needs " +
                              std::to_string(kFileSizeLimitMin) + "; raise that limit"};
}

// Keeps RocksDB's files below a file-size limit of the process, which would otherwise cut off its log, and then each
// try to make a table of it.
void fit_file_size_limit(rocksdb::Options& rocks) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  // Half: a log ends with the batch that fills the buffer, and a table has more than its values.
  const std::uint64_t most = limit.rlim_cur / 2;
  rocks.write_buffer_size = std::min<std::uint64_t>(rocks.write_buffer_size, most);
  rocks.target_file_size_base = std::min<std::uint64_t>(rocks.target_file_size_base, most);
  rocks.blob_file_size = std::min<std::uint64_t>(rocks.blob_file_size, most);
  rocks.max_manifest_file_size = std::min<std::uint64_t>(rocks.max_manifest_file_size, most);
}

rocksdb::Options rocksdb_options(const RocksdbOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  table.cache_index_and_filter_blocks = true;  // so that the cache bounds them too
  // Why in parts: the filter of a whole table (10 bits for each key) is larger than a shard of the cache takes, from
  // some 400,000 keys on. Then every look-up read it from the disk again.
  table.partition_filters = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;

  rocksdb::Options rocks;
  rocks.info_log = make_rocksdb_logger();
  rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocks.write_buffer_size = options.write_buffer_bytes;
  rocks.max_open_files = kOpenTablesMax;
  rocks.compression = rocksdb::kNoCompression;  // keys and digests; which codecs there are depends on the build
  // Why: a filter is wrong about one absent key of a hundred, and then the block where it would be is read. With the
  // manifest of 100,000 files in it that was 5 MiB and 4 ms, too large for the cache, and so at every hundredth
  // look-up.
  rocks.enable_blob_files = true;
  rocks.min_blob_size = kLargeValueBytes;
  // Why no collection in compactions: it copies by age alone, a quarter of all large values at once, however little
  // space is left. A file goes when the last of its values does.
  rocks.enable_blob_garbage_collection = false;
  rocks.paranoid_checks = true;
  // A torn tail after power loss is no damage: everything acknowledged as Durable lies before it.
  rocks.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // Why: resuming in the background is answered with "Resource busy" for ever in 7.8.3. Database reopens instead.
  rocks.max_bgerror_resume_count = 0;
  rocks.stats_dump_period_sec = 0;
  rocks.stats_persist_period_sec = 0;
  fit_file_size_limit(rocks);
  return rocks;
}

Result<bool> holds_blobs(const BlobStore& blobs) {
  bool found = false;
  const Status status = blobs.for_each([&found](const Digest&, std::uint64_t, TimeNs) {
    found = true;
    return false;
  });
  if (!status.ok()) return status;
  return found;
}

// Creates the catalog of a new store. Corrupt: the store is not new.
Status ensure_catalog(const File& store, const std::string& path, const BlobStore& blobs,
                      const rocksdb::Options& options) {
  const auto present = has_catalog(store.fd());
  if (!present.ok()) return present.status();
  if (*present) return {};
  if (const auto newest = NewestMark(store.fd(), NewestMark::Access::ReadOnly).last(); newest && newest->sequence > 0) {
    return Status(Code::Corrupt, path + "/catalog is gone, but commits were acknowledged; restore it from a copy");
  }
  const auto used = holds_blobs(blobs);
  if (!used.ok()) return used.status();
  // Why refuse: to an empty catalog every blob is garbage.
  if (*used) return Status(Code::Corrupt, path + "/catalog is gone, but blobs are there; restore it from a copy");
  return create_catalog(store.fd(), path, options);
}

}  // namespace

Result<Engine> open_rocksdb_engine(const std::string& store_path, const RocksdbOptions& options) {
  if (Status status = options.read_only ? Status() : check_file_size_limit(); !status.ok()) return status;
  std::error_code error;
  const std::string path = std::filesystem::absolute(store_path, error).string();  // the daemon may change directory
  if (error) return Status::from_errno(error.value(), "find " + store_path);
  auto store = open_at(AT_FDCWD, path + "/.", O_RDONLY | O_DIRECTORY);
  if (!store.ok()) return store.status();

  auto blobs = options.read_only ? FileBlobs::open_for_reading(*store) : FileBlobs::open(*store);
  if (!blobs.ok()) return blobs.status();
  const rocksdb::Options rocks = rocksdb_options(options);
  if (!options.read_only) {
    if (Status status = ensure_catalog(*store, path, **blobs, rocks); !status.ok()) return status;
  }
  auto database = Database::open(*std::move(store), path, options, rocks);
  if (!database.ok()) return database.status();
  return Engine{std::make_unique<RocksdbKeys>(*std::move(database), options.reserve_bytes), *std::move(blobs)};
}

}  // namespace modelfs
