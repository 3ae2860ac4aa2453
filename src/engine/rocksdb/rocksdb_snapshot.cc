#include "engine/rocksdb/rocksdb_snapshot.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/names.h"
#include "engine/batch_rules.h"
#include "engine/rocksdb/rocksdb_status.h"

namespace modelfs {
namespace {

// Most scans are of a few keys, and many want the first only.
constexpr std::size_t kFirstChunkKeys = 8;

rocksdb::Slice slice_of(std::string_view text) { return {text.data(), text.size()}; }

Status ended() { return {Code::IoError, "the catalog was reopened after a failure while it was read; try again"}; }

}  // namespace

Result<std::string> read_key(const OpenDatabase::Call& inside, const rocksdb::ReadOptions& options,
                             std::string_view key) {
  std::string value;
  const rocksdb::Status status = inside.rocks().Get(options, slice_of(key), &value);
  if (status.IsNotFound()) return Status(Code::NotFound, "no key '" + printable(key) + "'");
  if (!status.ok()) return status_of(status, "read '" + printable(key) + "'");
  return value;
}

std::string end_of_prefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return std::string(kKeyBytesMax + 1, '\xff');  // nothing but 0xff: no allowed key is as long
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

struct RocksdbSnapshot::Chunk {
  std::vector<std::pair<std::string, std::string>> entries;
  bool is_last = false;
};

rocksdb::ReadOptions RocksdbSnapshot::options() const {
  rocksdb::ReadOptions options;
  options.snapshot = *moment_;
  return options;
}

Status RocksdbSnapshot::note(Status status) const {
  const MutexLock lock(mutex_);
  if (failure_.ok()) failure_ = status;
  return status;
}

Status RocksdbSnapshot::failure() const {
  const MutexLock lock(mutex_);
  return failure_;
}

Result<std::string> RocksdbSnapshot::get(std::string_view key) const {
  const OpenDatabase::Call call(*database_);
  if (!call.entered()) return note(ended());
  auto value = read_key(call, options(), key);
  if (!value.ok() && value.code() != Code::NotFound) return note(value.status());
  return value;
}

Status RocksdbSnapshot::read_chunk(std::string_view prefix, std::string_view from, std::size_t keys_max,
                                   Chunk& into) const {
  const OpenDatabase::Call call(*database_);
  if (!call.entered()) return ended();
  const std::string end = prefix.empty() ? std::string() : end_of_prefix(prefix);
  const rocksdb::Slice bound = slice_of(end);
  rocksdb::ReadOptions bounded = options();
  if (!end.empty()) bounded.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> at(call.rocks().NewIterator(bounded));
  std::size_t bytes = 0;
  into.entries.clear();
  for (at->Seek(slice_of(from)); at->Valid(); at->Next()) {
    if (into.entries.size() >= keys_max || bytes >= kCopiedBytesMax) return {};
    into.entries.emplace_back(at->key().ToString(), at->value().ToString());
    bytes += at->key().size() + at->value().size();
  }
  into.is_last = true;
  return status_of(at->status(), "scan '" + printable(prefix) + "'");
}

Status RocksdbSnapshot::scan(std::string_view prefix, std::string_view from,
                             const std::function<bool(std::string_view, std::string_view)>& visit) const {
  std::string next(std::max(prefix, from));
  Chunk chunk;
  for (std::size_t keys_max = kFirstChunkKeys; !chunk.is_last; keys_max = std::min(2 * keys_max, kCopiedKeysMax)) {
    if (Status status = read_chunk(prefix, next, keys_max, chunk); !status.ok()) return note(std::move(status));
    for (const auto& [key, value] : chunk.entries) {
      if (!visit(key, value)) return {};
    }
    if (!chunk.entries.empty()) next = chunk.entries.back().first + '\0';  // the smallest key above
  }
  return {};
}

}  // namespace modelfs
