// A host's part in a registry that many hosts share: a store on this host that follows the log of a bucket.
#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "base/thread_pool.h"
#include "replica/cached_blobs.h"
#include "replica/commit_log.h"
#include "replica/registry_format.h"
#include "replica/registry_snapshot.h"
#include "replica/shared_keys.h"
#include "replica/sweeper.h"
#include "store/engine.h"
#include "store/remote.h"

namespace modelfs {

struct ReplicaOptions {
  std::string store_id;  // of the store on this host
  CommitLogOptions log = {};
  // The store's directory, open as long as the replica lives: blobs that lie in the bucket come here as they are read.
  // -1: only what lies here can be read.
  int store_dir = -1;
  FetchOptions fetch = {};
  // Nothing is put into the log from here: this host is no writer of it, and needs no right to be one.
  bool only_reads = false;
  // A record whose slot is a multiple of this is followed by a snapshot.
  std::uint64_t slots_between_snapshots = kSlotsBetweenSnapshots;
  // How long what was brought for a commit that did not take place is used by others; see BlobUpload.
  std::chrono::seconds uncommitted_max = BlobUpload::kUncommittedMax;
  // How long an opening waits for the bucket before it goes on with what is here.
  std::chrono::milliseconds start_patience{10'000};
};

// Outlives the engine that it gives out. Safe for concurrent use.
class Replica {
 public:
  // `local` is a store that is empty, or follows this registry already.
  // NotFound: no registry there. InvalidArgument: the store follows another one, or is a registry of its own.
  // Unavailable: the bucket cannot be reached, and this store has never seen it. Stale: a copy of this store is in use.
  static Result<std::unique_ptr<Replica>> open(std::unique_ptr<Remote> remote, Engine local, ReplicaOptions options);
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // Called once: what a Registry is opened with.
  Engine take_engine();
  CommitLog& log() { return *log_; }
  Remote& remote() { return *remote_; }
  const std::string& registry_id() const { return registry_id_; }
  // Null without a store_dir. As long as the engine.
  CachedBlobs* cache() { return cache_; }
  // Frees what nobody refers to in the bucket. While the engine is in use.
  Result<SweepReport> sweep(const SweepOptions& options) {
    return modelfs::sweep(*remote_, *log_, *keys_in_use_, options);
  }
  const BlobUpload& upload() const { return *upload_; }
  // Ends the talk with the bucket: what waits for it is answered.
  void end();

 private:
  Replica(std::unique_ptr<Remote> remote, Engine local, ReplicaOptions options);
  Result<PositionRecord> find_position();
  // The position of a store that follows nothing yet.
  Result<PositionRecord> bootstrap(const std::string& registry_id);
  void write_snapshot_later();
  Status open_cache();
  Status start();
  // Makes sure that this store has a writer of its own, and that no copy of it publishes.
  Status register_writer();
  Status try_registering(std::uint64_t writer, const std::optional<std::string>& known);

  const std::unique_ptr<Remote> remote_;
  const std::unique_ptr<KeyValueStore> local_keys_;
  std::unique_ptr<BlobStore> blobs_;    // until take_engine()
  CachedBlobs* cache_ = nullptr;        // blobs_, while the engine lives
  std::shared_ptr<Refusals> refusals_;  // the cache's
  const ReplicaOptions options_;
  std::string registry_id_;
  std::unique_ptr<BlobUpload> upload_;
  std::unique_ptr<ThreadPool> behind_;  // writes snapshots
  std::unique_ptr<CommitLog> log_;
  std::unique_ptr<SharedKeys> keys_;
  SharedKeys* keys_in_use_ = nullptr;
};

}  // namespace modelfs
