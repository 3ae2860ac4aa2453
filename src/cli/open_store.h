// Opens a store for a daemon or a command: its lock, its engine, and, where it follows a registry of many hosts, its
// part in that.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "cli/remote_address.h"
#include "engine/rocksdb/rocksdb_options.h"
#include "replica/replica.h"
#include "store/engine.h"
#include "store/store_lock.h"

namespace modelfs {

struct OpenStoreRequest {
  std::string path;
  CreateMode create = CreateMode::OpenOnly;
  RocksdbOptions engine = {};
  // Nothing is published, also where the disk could be written; a replica still follows its registry.
  bool only_reads = false;
  // The registry that the store follows; none: what its FORMAT says.
  std::optional<RemoteAddress> remote = {};
  CommitLogOptions log = {};
};

// Members go in the reverse order; whatever was made from `engine` goes before.
struct OpenStore {
  StoreLock lock;
  std::unique_ptr<Replica> replica;  // none: the store is a registry of its own
  Engine engine;
};

// Codes as StoreLock::acquire, open_rocksdb_engine, upgrade_store, open_remote and Replica::open. InvalidArgument: the
// store follows another registry than `remote`, or is one of its own.
Result<OpenStore> open_store(const OpenStoreRequest& request);

}  // namespace modelfs
