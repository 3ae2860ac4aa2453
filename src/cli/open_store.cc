#include "cli/open_store.h"

#include "base/names.h"
#include "engine/rocksdb/rocksdb_engine.h"
#include "os/host.h"
#include "registry/upgrade.h"

namespace modelfs {
namespace {

// What the store follows from now on; empty: nothing.
Result<std::string> find_followed(const StoreLock& lock, const OpenStoreRequest& request) {
  const std::string& known = lock.format().follows;
  if (!request.remote) return known;
  if (known.empty() || RemoteAddress::parse(known).url == request.remote->url) return request.remote->str();
  return Status(Code::InvalidArgument, printable(request.path) + " is the store of " + printable(known) +
                                           " and not of " + printable(request.remote->url) + "; give another --store");
}

Result<std::unique_ptr<Replica>> open_replica(StoreLock& lock, const std::string& followed,
                                              const OpenStoreRequest& request, Engine local) {
  auto remote = open_remote(RemoteAddress::parse(followed), own_home());
  if (!remote.ok()) return remote.status();
  ReplicaOptions options;
  options.store_id = lock.id();
  options.log = request.log;
  options.log.host = host_name();
  options.only_reads = request.only_reads;
  options.store_dir = lock.directory();
  auto replica = Replica::open(*std::move(remote), std::move(local), std::move(options));
  if (!replica.ok()) return replica;
  if (lock.format().follows != followed) {
    if (Status status = lock.follow(followed); !status.ok()) return status;
  }
  return replica;
}

}  // namespace

Result<OpenStore> open_store(const OpenStoreRequest& request) {
  auto lock = StoreLock::acquire(request.path, request.create);
  if (!lock.ok()) return lock.status();
  const auto followed = find_followed(*lock, request);
  if (!followed.ok()) return followed.status();
  RocksdbOptions engine_options = request.engine;
  engine_options.read_only = lock->is_read_only() || (request.only_reads && followed->empty());
  auto engine = open_rocksdb_engine(request.path, engine_options);
  if (!engine.ok()) return engine.status();
  const auto how = engine_options.read_only ? OpenedFor::Reading : OpenedFor::Writing;
  if (Status status = upgrade_store(*lock, *engine->keys, how); !status.ok()) return status;
  // A replica on a disk that is read-only is what it was.
  if (followed->empty() || lock->is_read_only()) return OpenStore{*std::move(lock), nullptr, *std::move(engine)};
  auto replica = open_replica(*lock, *followed, request, *std::move(engine));
  if (!replica.ok()) return replica.status();
  Engine shared = (*replica)->take_engine();
  return OpenStore{*std::move(lock), *std::move(replica), std::move(shared)};
}

}  // namespace modelfs
