#include "engine/rocksdb/rocksdb_keys.h"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/names.h"
#include "engine/batch_rules.h"
#include "engine/rocksdb/catalog_verify.h"
#include "engine/rocksdb/rocksdb_snapshot.h"
#include "engine/rocksdb/rocksdb_status.h"

namespace modelfs {
namespace {

rocksdb::Slice slice_of(std::string_view text) { return {text.data(), text.size()}; }
std::string_view text_of_slice(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Conflict: an expectation does not hold.
Status check_expectations(const OpenDatabase::Call& database, const Batch& batch) {
  for (const Batch::Expectation& expectation : batch.expectations) {
    const auto value = read_key(database, {}, expectation.key);
    if (!value.ok() && value.code() != Code::NotFound) return value.status();
    const bool holds = value.ok() ? expectation.value == *value : !expectation.value;
    if (!holds) return Status(Code::Conflict, "'" + printable(expectation.key) + "' has changed");
  }
  return {};
}

// Why key by key where there are few: RocksDB (7.8) makes every new iterator sort all range deletions that are not on
// the disk yet. After a thousand of them a scan of nothing took milliseconds.
Status erase_prefix(const OpenDatabase::Call& database, const std::string& prefix, rocksdb::WriteBatch& changes) {
  const std::string end = end_of_prefix(prefix);
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

Result<rocksdb::WriteBatch> changes_of(const OpenDatabase::Call& database, const Batch& batch) {
  rocksdb::WriteBatch changes;
  for (const std::string& key : batch.erases) changes.Delete(key);
  for (const std::string& prefix : batch.erase_prefixes) {
    if (Status status = erase_prefix(database, prefix, changes); !status.ok()) return status;
  }
  for (const Batch::Put& put : batch.puts) changes.Put(put.key, put.value);
  return changes;
}

Result<bool> has_put(const OpenDatabase::Call& database, const Batch::Put& put) {
  const auto value = read_key(database, {}, put.key);
  if (value.ok()) return *value == put.value;
  return value.code() == Code::NotFound ? Result<bool>(false) : value.status();
}

// A key that the batch expects to be one thing and makes another: its claim keeps all others from that key.
const Batch::Put* telling_put(const Batch& batch) {
  for (const Batch::Put& put : batch.puts) {
    for (const Batch::Expectation& expected : batch.expectations) {
      if (expected.key == put.key && expected.value != put.value) return &put;
    }
  }
  return nullptr;
}

Result<bool> is_absent(const OpenDatabase::Call& database, const std::string& key) {
  const auto value = read_key(database, {}, key);
  if (!value.ok() && value.code() != Code::NotFound) return value.status();
  return !value.ok();
}

// Whether the batch was applied. Uncertain: others whose write failed, too, have changed some of its keys.
Result<bool> is_applied(const OpenDatabase::Call& database, const Batch& batch) {
  if (const Batch::Put* const telling = telling_put(batch)) return has_put(database, *telling);
  for (const std::string& key : batch.puts.empty() ? batch.erases : std::vector<std::string>()) {
    const auto absent = is_absent(database, key);
    if (!absent.ok() || !*absent) return absent;
  }
  std::size_t found = 0;
  for (const Batch::Put& put : batch.puts) {
    const auto there = has_put(database, put);
    if (!there.ok()) return there.status();
    found += *there ? 1 : 0;
  }
  if (found == batch.puts.size()) return true;
  if (found == 0) return false;
  return Status(Code::Uncertain, "concurrent commits have changed the same keys");
}

}  // namespace

Result<std::shared_ptr<const KeyValueSnapshot>> RocksdbKeys::snapshot() const {
  for (;;) {
    auto database = database_->for_reading();
    if (!database.ok()) return database.status();
    const OpenDatabase::Call call(**database);
    if (!call.entered()) continue;  // it is reopened just now
    return std::shared_ptr<const KeyValueSnapshot>(std::make_shared<RocksdbSnapshot>(*database, call));
  }
}

Result<std::string> RocksdbKeys::get(std::string_view key) const {
  for (;;) {
    const auto database = database_->for_reading();
    if (!database.ok()) return database.status();
    const OpenDatabase::Call call(**database);
    if (call.entered()) return read_key(call, {}, key);
  }
}

Status RocksdbKeys::commit(const Batch& batch, Durability durability, SpaceNeed need) {
  if (Status status = check_batch(batch); !status.ok()) return status;
  const bool only_asks = batch.puts.empty() && batch.erases.empty() && batch.erase_prefixes.empty();
  if (Status status = only_asks ? Status() : check_space(batch, need); !status.ok()) return status;

  const auto claim = claims_.take(batch);
  std::optional<Database::Doubt> doubt;
  Status written;
  for (bool entered = false; !entered;) {
    const auto database = database_->for_writing();
    if (!database.ok()) return database.status();
    const OpenDatabase::Call call(**database);
    entered = call.entered();
    if (entered) written = write(**database, call, batch, durability, doubt);
  }
  return doubt ? find_out(*doubt, batch, written) : written;
}

Status RocksdbKeys::write(OpenDatabase& database, const OpenDatabase::Call& call, const Batch& batch,
                          Durability durability, std::optional<Database::Doubt>& doubt) {
  if (Status status = check_expectations(call, batch); !status.ok()) return status;
  auto changes = changes_of(call, batch);
  if (!changes.ok()) return changes.status();
  if (changes->Count() == 0) return {};
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::Durable;  // also syncs what Buffered commits left in the log before
  // Others may write at the same time, so this is the lowest number that the last of our changes may get.
  const std::uint64_t at_least = call.rocks().GetLatestSequenceNumber() + changes->Count();
  const rocksdb::Status written = call.rocks().Write(options, &*changes);
  if (!written.ok()) doubt.emplace(*database_, database);
  if (written.ok() && options.sync) database_->acknowledged(at_least);
  return status_of(written, "commit");
}

Status RocksdbKeys::find_out(Database::Doubt& doubt, const Batch& batch, const Status& written) {
  const auto database = doubt.reopened();
  // A full disk has not even taken the bytes, and RocksDB does not try them again.
  const Code otherwise = written.code() == Code::NoSpace ? Code::NoSpace : Code::Uncertain;
  if (!database.ok()) return {otherwise, written.message() + "; then: " + database.status().message()};
  const OpenDatabase::Call call(**database);
  const auto applied =
      call.entered() ? is_applied(call, batch) : Result<bool>(Status(Code::Uncertain, "it failed again"));
  if (!applied.ok()) return {Code::Uncertain, written.message() + "; then: " + applied.status().message()};
  if (!*applied) return written;
  // Why durable: what a reopening finds in the log it writes into a table, and syncs that.
  log::warn("{}; but the change was found after reopening, and stays", written.message());
  return {};
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
