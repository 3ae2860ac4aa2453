#include "replica/replica.h"

#include "base/log.h"
#include "base/names.h"
#include "catalog/ino_bits.h"
#include "catalog/keys.h"

namespace modelfs {
namespace {

// For one part of a snapshot.
constexpr std::chrono::milliseconds kSnapshotPatience{60'000};

// The first writer of a registry; 0 is the one of stores that have no log.
constexpr std::uint64_t kFirstWriter = 1;

bool is_out_of_reach(Code code) { return code == Code::Unavailable || code == Code::Unsettled; }

}  // namespace

Replica::Replica(std::unique_ptr<Remote> remote, Engine local, ReplicaOptions options)
    : remote_(std::move(remote)),
      local_keys_(std::move(local.keys)),
      blobs_(std::move(local.blobs)),
      options_(std::move(options)),
      behind_(std::make_unique<ThreadPool>("snapshot", 1)) {}

Replica::~Replica() {
  if (log_) log_->end();
  behind_.reset();
}

Result<std::unique_ptr<Replica>> Replica::open(std::unique_ptr<Remote> remote, Engine local, ReplicaOptions options) {
  std::unique_ptr<Replica> replica(new Replica(std::move(remote), std::move(local), std::move(options)));
  auto position = replica->find_position();
  if (!position.ok()) return position.status();
  replica->registry_id_ = position->registry_id;
  CommitLogOptions log = replica->options_.log;
  log.on_won = [at = replica.get()](std::uint64_t slot) {
    if (slot % at->options_.slots_between_snapshots == 0) at->write_snapshot_later();
  };
  log.on_reachable = [at = replica.get()] {
    if (at->refusals_) at->refusals_->forget_all();
  };
  replica->log_ =
      std::make_unique<CommitLog>(*replica->remote_, *replica->local_keys_, *std::move(position), std::move(log));
  if (Status status = replica->start(); !status.ok()) return status;
  return replica;
}

Result<PositionRecord> Replica::find_position() {
  const auto deadline = std::chrono::steady_clock::now() + options_.start_patience;
  const auto format = read_registry_format(*remote_, deadline);
  const auto stored = local_keys_->get(keys::kPosition);
  if (stored.ok()) {
    auto position = PositionRecord::decode(*stored);
    if (!position.ok()) return position;
    // Without the bucket the host goes on with what it has.
    if (!format.ok() && !is_out_of_reach(format.code())) return format.status();
    if (format.ok() && format->id != position->registry_id) {
      return Status(Code::InvalidArgument, "this store follows another registry (" + position->registry_id + ") than " +
                                               remote_->address() + " (" + format->id + "); give another --store");
    }
    return position;
  }
  if (stored.code() != Code::NotFound) return stored.status();
  if (!format.ok()) return format.status();
  if (local_keys_->get(keys::kNextIno).ok()) {
    return Status(
        Code::InvalidArgument,
        "this store is a registry of its own; give another --store, or `modelfs push` it to " + remote_->address());
  }
  return bootstrap(format->id);
}

Result<PositionRecord> Replica::bootstrap(const std::string& registry_id) {
  const auto newest = find_newest_snapshot(*remote_, options_.start_patience);
  if (!newest.ok()) return newest.status();
  if (*newest && (*newest)->registry_id != registry_id) {
    return Status(Code::Corrupt, remote_->address() + " has a snapshot of another registry");
  }
  if (*newest) {
    log::info("loads what {} held at record {}", remote_->address(), (*newest)->next_slot);
    const Status status = load_snapshot(**newest, *remote_, *local_keys_, kSnapshotPatience);
    if (status.ok()) {
      const auto stored = local_keys_->get(keys::kPosition);
      return stored.ok() ? PositionRecord::decode(*stored) : stored.status();
    }
    if (status.code() != Code::Corrupt) return status;
    log::warn("{}; the whole log is read instead", status.message());
  }
  PositionRecord position;
  position.registry_id = registry_id;
  if (Status status = clear_shared_keys(*local_keys_); !status.ok()) return status;
  Batch batch;
  batch.put(keys::kPosition, position.encode());
  if (Status status = local_keys_->commit(batch, Durability::Durable); !status.ok()) return status;
  return position;
}

void Replica::write_snapshot_later() {
  behind_->submit([this] {
    const auto keys = local_keys_->snapshot();
    if (!keys.ok()) return log::warn("{}", keys.status().message());
    const auto slot = write_snapshot(**keys, *remote_, kSnapshotPatience);
    // The next one is made after as many records again.
    if (!slot.ok()) return log::warn("no snapshot of the registry was made: {}", slot.status().message());
    log::info("{} has a snapshot at record {}", remote_->address(), *slot);
  });
}

Status Replica::open_cache() {
  if (options_.store_dir < 0) return {};
  auto cache = CachedBlobs::open(std::move(blobs_), *local_keys_, *remote_, options_.store_dir, options_.fetch);
  if (!cache.ok()) return cache.status();
  cache_ = cache->get();
  refusals_ = cache_->refusals();
  blobs_ = *std::move(cache);
  return {};
}

void Replica::end() {
  log_->end();
  if (cache_ != nullptr) cache_->stop();
}

Status Replica::start() {
  if (Status status = open_cache(); !status.ok()) return status;
  upload_ = std::make_unique<BlobUpload>(*local_keys_, *blobs_, *remote_, options_.uncommitted_max);
  keys_ = std::make_unique<SharedKeys>(*remote_, *local_keys_, *log_, *upload_, options_.log.publish_deadline);
  keys_in_use_ = keys_.get();
  Status status = log_->start(options_.start_patience);
  if (options_.only_reads) {
    keys_->set_only_reads();
    if (!status.ok() && is_out_of_reach(status.code())) log::warn("{}; what is here is served", status.message());
    return is_out_of_reach(status.code()) ? Status() : status;
  }
  if (status.ok()) status = register_writer();
  if (status.ok() || !is_out_of_reach(status.code())) return status;
  const std::uint64_t writer = log_->state().writer;
  if (writer == 0) return status;
  log::warn("{}; what is here is served", status.message());
  const auto known = local_keys_->get(keys::writer(writer));
  if (!known.ok()) return known.status();
  keys_in_use_->fence(keys::writer(writer), *known);
  return {};
}

Status Replica::register_writer() {
  while (true) {
    std::uint64_t writer = log_->state().writer;
    std::optional<std::string> known;
    if (writer != 0) {
      const auto value = local_keys_->get(keys::writer(writer));
      if (!value.ok()) return value.status();
      known = *value;
    } else {
      writer = kFirstWriter;
      const auto snapshot = local_keys_->snapshot();
      if (!snapshot.ok()) return snapshot.status();
      const Status scanned =
          (*snapshot)->scan(keys::all(keys::Kind::Writer), "", [&](std::string_view key, std::string_view) {
            const auto number = parse_be64(key.substr(2));
            if (number.ok()) writer = *number + 1;
            return true;
          });
      if (!scanned.ok()) return scanned;
    }
    if (writer >= kLocalWriter) return {Code::NoSpace, "all writers of this registry have been given out"};
    const Status status = try_registering(writer, known);
    if (status.code() != Code::Conflict) return status;
    if (known) return {Code::Stale, "another process has been started with a copy of this store; give another --store"};
  }
}

Status Replica::try_registering(std::uint64_t writer, const std::optional<std::string>& known) {
  WriterRecord record;
  record.store_id = options_.store_id;
  record.host = options_.log.host;
  record.start_id = make_model_id();  // any UUID4
  record.since = now();
  Batch batch;
  batch.expect(keys::writer(writer), known);
  batch.put(keys::writer(writer), record.encode());
  if (!known) batch.put(keys::kNextIno, be64((writer << kInoCounterBits) | kFirstFreeIno));
  if (Status status = keys_in_use_->commit(batch, Durability::Durable, SpaceNeed::Reclaims); !status.ok())
    return status;
  keys_in_use_->fence(keys::writer(writer), record.encode());
  return {};
}

Engine Replica::take_engine() { return {std::move(keys_), std::move(blobs_)}; }

}  // namespace modelfs
