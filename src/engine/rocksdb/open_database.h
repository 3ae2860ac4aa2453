// One opening of a store's RocksDB: the calls into it, and the snapshots that it gave.
#pragma once
#include <rocksdb/db.h>

#include <atomic>
#include <chrono>
#include <list>
#include <memory>

#include "base/mutex.h"
#include "engine/rocksdb/call_gate.h"

namespace modelfs {

// Is closed by close(), else with its last holder. Safe for concurrent use.
class OpenDatabase {
 public:
  // While one exists, RocksDB is not closed. Short: no foreign code runs meanwhile.
  class Call {
   public:
    explicit Call(OpenDatabase& database) : database_(database), entered_(database.gate_.enter()) {}
    ~Call() {
      if (entered_) database_.gate_.leave();
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    // False: it is closed; only another opening answers.
    bool entered() const { return entered_; }
    rocksdb::DB& rocks() const { return *database_.rocks_; }

   private:
    OpenDatabase& database_;
    const bool entered_;
  };

  using Snapshots = std::list<const rocksdb::Snapshot*>;

  explicit OpenDatabase(std::unique_ptr<rocksdb::DB> rocks) : rocks_(std::move(rocks)) {}
  ~OpenDatabase();
  OpenDatabase(const OpenDatabase&) = delete;
  OpenDatabase& operator=(const OpenDatabase&) = delete;

  // Inside a call. Ends with release(), or when it is closed.
  Snapshots::iterator take_snapshot(const Call& inside);
  void release(Snapshots::iterator snapshot);

  // After a failed write RocksDB takes no other before it was opened again; what it has can still be read.
  void mark_failed() { failed_ = true; }
  bool failed() const { return failed_; }

  // Waits for its snapshots, at most so long, and for the calls that run; then no call gets in any more, and what
  // snapshots are left have ended. Called once, and outside of calls.
  void close(std::chrono::milliseconds drain_max);

 private:
  void close_rocks();

  CallGate gate_;
  std::unique_ptr<rocksdb::DB> rocks_;  // none: closed
  std::atomic<bool> failed_ = false;

  Mutex mutex_;  // leaf lock
  Condition drained_;
  Snapshots snapshots_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
