// A snapshot of RocksDB.
#pragma once
#include <memory>

#include "engine/rocksdb/open_database.h"
#include "store/key_value_store.h"

namespace modelfs {

// The value of a key. NotFound; codes of status_of().
Result<std::string> read_key(const OpenDatabase::Call& inside, const rocksdb::ReadOptions& options,
                             std::string_view key);

// The smallest key above every key that begins with `prefix`, as far as keys go.
std::string end_of_prefix(std::string_view prefix);

class RocksdbSnapshot final : public KeyValueSnapshot {
 public:
  // A scan copies so many keys, and about so many bytes, before it calls its visitor for each: RocksDB may be closed
  // while visitors run, and what they do may wait for that.
  static constexpr std::size_t kCopiedKeysMax = 256;
  static constexpr std::size_t kCopiedBytesMax = 256 << 10;

  RocksdbSnapshot(std::shared_ptr<OpenDatabase> database, const OpenDatabase::Call& inside)
      : database_(std::move(database)), moment_(database_->take_snapshot(inside)) {}
  ~RocksdbSnapshot() override { database_->release(moment_); }
  RocksdbSnapshot(const RocksdbSnapshot&) = delete;
  RocksdbSnapshot& operator=(const RocksdbSnapshot&) = delete;

  Result<std::string> get(std::string_view key) const override;
  Status scan(std::string_view prefix, std::string_view from,
              const std::function<bool(std::string_view, std::string_view)>& visit) const override;
  Status failure() const override;

 private:
  struct Chunk;
  Status read_chunk(std::string_view prefix, std::string_view from, std::size_t keys_max, Chunk& into) const;
  // Remembers the first failure.
  Status note(Status status) const;
  rocksdb::ReadOptions options() const;

  const std::shared_ptr<OpenDatabase> database_;
  const OpenDatabase::Snapshots::iterator moment_;
  mutable Mutex mutex_;  // leaf lock
  mutable Status failure_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
