#include "engine/rocksdb/rocksdb_keys.h"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/names.h"
#include "engine/batch_rules.h"
#include "engine/rocksdb/catalog_verify.h"
#include "engine/rocksdb/rocksdb_status.h"

namespace modelfs {
namespace {

rocksdb::Slice slice_of(std::string_view text) { return {text.data(), text.size()}; }
std::string_view text_of_slice(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// The smallest key above every key that begins with `prefix`, as far as keys go.
std::string end_of(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return std::string(kKeyBytesMax + 1, '\xff');  // nothing but 0xff: no allowed key is as long
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

Result<std::string> read(const OpenDatabase& database, const rocksdb::ReadOptions& options, std::string_view key) {
  std::string value;
  const rocksdb::Status status = database.rocks().Get(options, slice_of(key), &value);
  if (status.IsNotFound()) return Status(Code::NotFound, "no key '" + printable(key) + "'");
  if (!status.ok()) return status_of(status, "read '" + printable(key) + "'");
  return value;
}

class RocksdbSnapshot final : public KeyValueSnapshot {
 public:
  explicit RocksdbSnapshot(std::shared_ptr<OpenDatabase> database)
      : database_(std::move(database)), moment_(database_->rocks().GetSnapshot()) {}
  ~RocksdbSnapshot() override { database_->rocks().ReleaseSnapshot(moment_); }
  RocksdbSnapshot(const RocksdbSnapshot&) = delete;
  RocksdbSnapshot& operator=(const RocksdbSnapshot&) = delete;

  Result<std::string> get(std::string_view key) const override { return read(*database_, options(), key); }

  Status scan(std::string_view prefix, std::string_view from,
              const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    const std::string end = prefix.empty() ? std::string() : end_of(prefix);
    const rocksdb::Slice bound = slice_of(end);
    rocksdb::ReadOptions bounded = options();
    if (!end.empty()) bounded.iterate_upper_bound = &bound;
    const std::unique_ptr<rocksdb::Iterator> at(database_->rocks().NewIterator(bounded));
    for (at->Seek(slice_of(std::max(prefix, from))); at->Valid(); at->Next()) {
      if (!visit(text_of_slice(at->key()), text_of_slice(at->value()))) return {};
    }
    return status_of(at->status(), "scan '" + printable(prefix) + "'");
  }

 private:
  rocksdb::ReadOptions options() const {
    rocksdb::ReadOptions options;
    options.snapshot = moment_;
    return options;
  }

  const std::shared_ptr<OpenDatabase> database_;
  const rocksdb::Snapshot* const moment_;
};

// Conflict: an expectation does not hold.
Status check_expectations(const OpenDatabase& database, const Batch& batch) {
  for (const Batch::Expectation& expectation : batch.expectations) {
    const auto value = read(database, {}, expectation.key);
    if (!value.ok() && value.code() != Code::NotFound) return value.status();
    const bool holds = value.ok() ? expectation.value == *value : !expectation.value;
    if (!holds) return Status(Code::Conflict, "'" + printable(expectation.key) + "' is not as expected");
  }
  return {};
}

// Why key by key where there are few: RocksDB (7.8) makes every new iterator sort all range deletions that are not on
// the disk yet. After a thousand of them a scan of nothing took milliseconds.
Status erase_prefix(const OpenDatabase& database, const std::string& prefix, rocksdb::WriteBatch& changes) {
  const std::string end = end_of(prefix);
  const rocksdb::Slice bound = slice_of(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &bound;
  std::vector<std::string> found;
  const std::unique_ptr<rocksdb::Iterator> at(database.rocks().NewIterator(options));
  for (at->Seek(slice_of(prefix)); at->Valid() && found.size() <= RocksdbKeys::kErasedOneByOneMax; at->Next()) {
    found.emplace_back(text_of_slice(at->key()));
  }
  if (!at->status().ok()) return status_of(at->status(), "erase '" + printable(prefix) + "'");
  if (found.size() > RocksdbKeys::kErasedOneByOneMax) {
    changes.DeleteRange(prefix, end);
  } else {
    for (const std::string& key : found) changes.Delete(key);
  }
  return {};
}

Result<rocksdb::WriteBatch> changes_of(const OpenDatabase& database, const Batch& batch) {
  rocksdb::WriteBatch changes;
  for (const std::string& key : batch.erases) changes.Delete(key);
  for (const std::string& prefix : batch.erase_prefixes) {
    if (Status status = erase_prefix(database, prefix, changes); !status.ok()) return status;
  }
  for (const Batch::Put& put : batch.puts) changes.Put(put.key, put.value);
  return changes;
}

}  // namespace

Result<std::shared_ptr<const KeyValueSnapshot>> RocksdbKeys::snapshot() const {
  auto database = database_->for_reading();
  if (!database.ok()) return database.status();
  return std::shared_ptr<const KeyValueSnapshot>(std::make_shared<RocksdbSnapshot>(*std::move(database)));
}

Result<std::string> RocksdbKeys::get(std::string_view key) const {
  const auto database = database_->for_reading();
  if (!database.ok()) return database.status();
  return read(**database, {}, key);
}

Status RocksdbKeys::commit(const Batch& batch, Durability durability, SpaceNeed need) {
  if (Status status = check_batch(batch); !status.ok()) return status;
  if (Status status = check_space(batch, need); !status.ok()) return status;

  const auto claim = claims_.take(batch);
  const auto database = database_->for_writing();
  if (!database.ok()) return database.status();
  if (Status status = check_expectations(**database, batch); !status.ok()) return status;

  auto changes = changes_of(**database, batch);
  if (!changes.ok()) return changes.status();
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::Durable;  // also syncs what Buffered commits left in the log before
  // Others may write at the same time, so this is the lowest number that the last of our changes may get.
  const std::uint64_t at_least = (*database)->rocks().GetLatestSequenceNumber() + changes->Count();
  const rocksdb::Status written = (*database)->rocks().Write(options, &*changes);
  if (!written.ok()) (*database)->mark_failed();
  if (written.ok() && options.sync) database_->acknowledged(at_least);
  return status_of(written, "commit");
}

std::vector<std::string> RocksdbKeys::verify() { return verify_catalog(*database_); }

Status RocksdbKeys::check_space(const Batch& batch, SpaceNeed need) const {
  if (reserve_bytes_ == 0) return {};
  std::uint64_t needed = need == SpaceNeed::Grows ? reserve_bytes_ : reserve_bytes_ / 8;
  for (const Batch::Put& put : batch.puts) needed += put.key.size() + put.value.size();
  const auto free = database_->free_bytes();
  if (!free.ok()) return free.status();
  if (*free >= needed) {
    if (*free > reserve_bytes_) database_->refill_ballast(*free - reserve_bytes_);
    return {};
  }
  if (need == SpaceNeed::Reclaims && database_->free_up(needed).ok()) return {};
  return Status(Code::NoSpace,
                std::to_string(*free >> 20) + " MiB are free in " + database_->store_path() + ", and " +
                    std::to_string(needed >> 20) +
                    " MiB must stay free for the catalog: remove releases or drafts, or enlarge the disk");
}

}  // namespace modelfs
