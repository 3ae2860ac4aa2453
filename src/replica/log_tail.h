// The end of the log as this host has applied it: reads the next records and applies them to the local store.
#pragma once
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "catalog/remote_records.h"
#include "replica/log_record.h"
#include "store/key_value_store.h"
#include "store/remote.h"

namespace modelfs {

// A record as it lies in the log, with the bodies of its batches read.
struct ReadRecord {
  LogRecord record;
  std::string encoded;
};

// What a record has changed here.
struct AppliedRecord {
  std::string host;
  std::uint64_t writer = 0;
  std::uint64_t slot = 0;
  // Of the batches that held, in their order.
  std::vector<LoggedChanges> changes;
};

// Used by one thread at a time; what it refers to outlives it.
class LogTail {
 public:
  static constexpr std::size_t kAheadMax = 8;

  LogTail(Remote& remote, KeyValueStore& local, PositionRecord position)
      : remote_(remote), local_(local), position_(std::move(position)), readers_("readlog", kAheadMax) {}

  const PositionRecord& position() const { return position_; }

  // The record of the next slot, or nullopt: there is none yet, which is certain.
  // Corrupt: it is none, or does not follow what was applied here; IoError: a body is missing. Else as Remote::get.
  // Each record that is there has more of those behind it asked for at the same time, up to kAheadMax.
  Result<std::optional<ReadRecord>> read_next(Deadline deadline);
  // The same of bytes that were had otherwise.
  Result<ReadRecord> check_next(std::string encoded, Deadline deadline) const;

  // Host parts of this host's own batches, by token: applied with the batches that hold, and with them `U` goes.
  using HostParts = std::map<std::string, Batch>;
  // Applies it whole, or not at all; a writer that an own record registers is this host's from then on. Fails as
  // KeyValueStore::commit does.
  Result<AppliedRecord> apply(const ReadRecord& record, const HostParts* own);

 private:
  Status read_bodies(LogRecord& record, Deadline deadline) const;
  Result<std::string> get_record(std::uint64_t slot, Deadline deadline) const;
  void ask_ahead(Deadline deadline);

  Remote& remote_;
  KeyValueStore& local_;
  PositionRecord position_;
  std::size_t ahead_count_ = 0;  // how many are asked for ahead: twice as many after each that was there
  std::map<std::uint64_t, std::future<Result<std::string>>> ahead_;  // by slot
  ThreadPool readers_;                                               // last, so that it ends first
};

// A record that this host puts into the log, as it is kept under `U` until it is applied or has lost its slot.
struct UnsettledRecord {
  std::string encoded;
  LogTail::HostParts host_parts;

  std::string encode() const;
  static Result<UnsettledRecord> decode(std::string_view bytes);
};

}  // namespace modelfs
