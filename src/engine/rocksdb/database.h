// The RocksDB of a store: who has it open, and how it is reopened after a failure.
#pragma once
#include <rocksdb/options.h>

#include <chrono>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/mutex.h"
#include "engine/rocksdb/ballast.h"
#include "engine/rocksdb/newest_mark.h"
#include "engine/rocksdb/open_database.h"
#include "engine/rocksdb/rocksdb_options.h"

namespace modelfs {

// Reopens a failed RocksDB at the next use. Meanwhile all others wait, no longer than kDrainMax and the opening itself:
// a snapshot that is held by then has ended, and must be taken again. Safe for concurrent use.
class Database {
 public:
  // How long a reopening waits for the snapshots of the failed one.
  static constexpr std::chrono::milliseconds kDrainMax{2000};
  // After a reopening that did not succeed readers do not try another for so long; writers always do.
  static constexpr std::chrono::seconds kReaderPause{1};

  // `store_directory` is the store; codes as open_catalog(). Where it cannot be opened for writing, since the disk is
  // full or fails, it is opened for reading, as one that failed.
  static Result<std::unique_ptr<Database>> open(File store_directory, const std::string& store_path,
                                                const RocksdbOptions& options, const rocksdb::Options& rocksdb_options);

  // IoError: closed after a failure, and not to be reopened now. Else it may be one that failed, or was closed since.
  Result<std::shared_ptr<OpenDatabase>> for_reading();
  // One that did not fail, or was closed since. NoSpace: too little to reopen. Else as open_catalog().
  Result<std::shared_ptr<OpenDatabase>> for_writing();

  // A Durable commit has gone through whose last change is at least `sequence`.
  void acknowledged(std::uint64_t sequence) { mark_.advance(sequence); }

  // Of a commit whose write failed: until it ends nothing is written to the next opening, so that it can be checked
  // there whether it has the commit. Begins inside the call that failed.
  class Doubt {
   public:
    Doubt(Database& database, OpenDatabase& failed);
    ~Doubt();
    Doubt(const Doubt&) = delete;
    Doubt& operator=(const Doubt&) = delete;

    // As for_writing(). Outside of calls, and without a snapshot, for which it would wait in vain.
    Result<std::shared_ptr<OpenDatabase>> reopened();

   private:
    Database& database_;
  };

  // What may still be written to the disk of the store, by any program.
  Result<std::uint64_t> free_bytes() const;
  // Has `bytes` free for this process, of the ballast where others have filled the disk. NoSpace: even so too few.
  Status free_up(std::uint64_t bytes);
  // Refills the ballast from what may be spared.
  void refill_ballast(std::uint64_t spare_bytes) { ballast_.refill(spare_bytes); }
  const std::string& store_path() const { return store_path_; }
  const rocksdb::Options& rocksdb_options() const { return rocksdb_options_; }

 private:
  Database(File store_directory, std::string store_path, const RocksdbOptions& options,
           const rocksdb::Options& rocksdb_options);
  bool healthy() const REQUIRES(mutex_) { return open_ != nullptr && !open_->failed(); }
  Status open_first() REQUIRES(mutex_);
  rocksdb::Options options_to_open() const;
  void wait_for_healer() REQUIRES(mutex_);
  Result<std::shared_ptr<OpenDatabase>> healed() REQUIRES(mutex_);
  // These let go of mutex_ meanwhile.
  void heal() REQUIRES(mutex_);
  void reopen() REQUIRES(mutex_);
  void fail(const Status& why) REQUIRES(mutex_);
  // Not held: mutex_. Says why a reopening would fail, before anything is closed for it.
  Status check_reopening();
  // Serves reads while it cannot be opened for writing.
  bool fall_back(const Status& why) REQUIRES(mutex_);
  void use(std::unique_ptr<rocksdb::DB> rocks) REQUIRES(mutex_);

  const File store_directory_;
  const std::string store_path_;
  const rocksdb::Options rocksdb_options_;
  const bool read_only_;
  NewestMark mark_;
  Ballast ballast_;

  Mutex probe_mutex_;  // held across tries of the disk; then the ballast's
  Mutex mutex_;        // not held while waiting for readers, closing or reopening
  Condition healed_;
  bool healing_ GUARDED_BY(mutex_) = false;
  std::size_t doubts_ GUARDED_BY(mutex_) = 0;
  std::shared_ptr<OpenDatabase> open_ GUARDED_BY(mutex_);  // none: closed, and could not be reopened
  Status failure_ GUARDED_BY(mutex_);                      // why the last reopening did not succeed
  std::chrono::steady_clock::time_point reader_tries_after_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
