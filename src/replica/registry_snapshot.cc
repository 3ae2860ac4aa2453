#include "replica/registry_snapshot.h"

#include <cstring>

#include "base/codec.h"
#include "base/log.h"
#include "catalog/keys.h"
#include "replica/log_record.h"

namespace modelfs {
namespace {

constexpr std::string_view kSnapshotMagic = "modelfs snapshot\n";
constexpr std::uint64_t kSnapshotVersion = 1;
constexpr std::string_view kSnapshotPrefix = "snap/";
constexpr std::size_t kPartsMax = 1'000'000;

std::string directory_of(std::uint64_t next_slot) {
  const std::string digits = std::to_string(next_slot);
  return std::string(kSnapshotPrefix) + std::string(20 - digits.size(), '0') + digits + "/";
}

Status damaged_snapshot(const char* what) {
  return {Code::Corrupt, std::string("a snapshot of the registry is damaged: ") + what};
}

// The first bytes of all shared keys.
std::string shared_kinds() {
  std::string kinds;
  for (int byte = 1; byte < 256; ++byte) {
    const std::string first(1, static_cast<char>(byte));
    if (keys::life_of(first) == keys::Life::Shared) kinds += first;
  }
  return kinds;
}

// Puts keys and values as they come, a part at a time.
class PartWriter {
 public:
  PartWriter(Remote& remote, SnapshotIndex& index, std::chrono::milliseconds patience)
      : remote_(remote), index_(index), patience_(patience) {}

  Status add(std::string_view key, std::string_view value) {
    part_.puts.push_back({std::string(key), std::string(value)});
    size_bytes_ += key.size() + value.size();
    return size_bytes_ < kSnapshotPartBytes ? Status() : flush();
  }
  Status flush() {
    if (part_.puts.empty()) return {};
    const std::string bytes = part_.encode();
    const Digest digest = hash_of(bytes_of(bytes)).digest;
    const std::string object = directory_of(index_.next_slot) + digest.hex();
    const auto deadline = std::chrono::steady_clock::now() + patience_;
    const Status status = remote_.put(object, BytesSource(bytes_of(bytes)), digest, deadline);
    if (!status.ok()) return status;
    index_.parts.push_back({object, bytes.size(), digest});
    part_ = {};
    size_bytes_ = 0;
    return {};
  }

 private:
  Remote& remote_;
  SnapshotIndex& index_;
  const std::chrono::milliseconds patience_;
  LoggedChanges part_;
  std::size_t size_bytes_ = 0;
};

}  // namespace

std::string SnapshotIndex::object_of(std::uint64_t next_slot) { return directory_of(next_slot) + "index"; }

std::string SnapshotIndex::encode() const {
  Encoder out;
  out.number(kSnapshotVersion).text(registry_id).number(next_slot).digest(chain).number(parts.size());
  for (const Part& part : parts) out.text(part.object).number(part.size_bytes).digest(part.digest);
  std::string bytes = std::string(kSnapshotMagic) + out.take();
  return bytes.append(hash_of(bytes_of(bytes)).digest.raw_bytes());
}

Result<SnapshotIndex> SnapshotIndex::decode(std::string_view bytes) {
  if (bytes.size() < kSnapshotMagic.size() + Digest::kSizeBytes || !bytes.starts_with(kSnapshotMagic)) {
    return damaged_snapshot("its index does not begin as one");
  }
  const std::string_view hashed = bytes.substr(0, bytes.size() - Digest::kSizeBytes);
  if (hash_of(bytes_of(hashed)).digest != LogRecord::hash_of_encoded(bytes)) {
    return damaged_snapshot("the hash of its index is another");
  }
  Decoder in(hashed.substr(kSnapshotMagic.size()));
  if (const std::uint64_t version = in.number(); version != kSnapshotVersion) {
    return Status(Code::Unsupported, "the bucket has a snapshot of format version " + std::to_string(version) +
                                         ": use a newer modelfs on this host");
  }
  SnapshotIndex index;
  index.registry_id = in.text();
  index.next_slot = in.number();
  index.chain = in.digest();
  const std::uint64_t count = in.number();
  if (in.failed() || count > kPartsMax) return damaged_snapshot("its index does not decode");
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
    Part part;
    part.object = in.text();
    part.size_bytes = in.number();
    part.digest = in.digest();
    index.parts.push_back(std::move(part));
  }
  if (!in.finished()) return damaged_snapshot("its index does not decode");
  return index;
}

Result<std::uint64_t> write_snapshot(const KeyValueSnapshot& keys, Remote& remote, std::chrono::milliseconds patience) {
  const auto stored = keys.get(keys::kPosition);
  if (!stored.ok()) return stored.status();
  const auto position = PositionRecord::decode(*stored);
  if (!position.ok()) return position.status();
  if (Status status = write_snapshot(keys, *position, remote, patience); !status.ok()) return status;
  return position->next_slot;
}

Status write_snapshot(const KeyValueSnapshot& keys, const PositionRecord& position, Remote& remote,
                      std::chrono::milliseconds patience) {
  SnapshotIndex index{position.registry_id, position.next_slot, position.chain, {}};
  PartWriter writer(remote, index, patience);
  for (const char kind : shared_kinds()) {
    Status failed;
    const Status scanned = keys.scan(std::string(1, kind), "", [&](std::string_view key, std::string_view value) {
      failed = writer.add(key, value);
      return failed.ok();
    });
    if (!scanned.ok() || !failed.ok()) return scanned.ok() ? failed : scanned;
  }
  if (Status status = writer.flush(); !status.ok()) return status;
  const std::string bytes = index.encode();
  return remote.put(SnapshotIndex::object_of(index.next_slot), BytesSource(bytes_of(bytes)),
                    hash_of(bytes_of(bytes)).digest, std::chrono::steady_clock::now() + patience);
}

Result<std::optional<SnapshotIndex>> find_newest_snapshot(Remote& remote, std::chrono::milliseconds patience) {
  std::string newest;
  const Status listed = remote.list(
      std::string(kSnapshotPrefix), "",
      [&](const RemoteObject& object) {
        if (object.name.ends_with("/index")) newest = object.name;
        return true;
      },
      patience);
  if (!listed.ok()) return listed;
  if (newest.empty()) return std::optional<SnapshotIndex>();
  const auto bytes = get_whole(remote, newest, SnapshotIndex::kBytesMax, std::chrono::steady_clock::now() + patience);
  if (!bytes.ok()) return bytes.status();
  auto index = SnapshotIndex::decode(*bytes);
  if (!index.ok()) return index.status();
  return std::optional(*std::move(index));
}

Status clear_shared_keys(KeyValueStore& local) {
  Batch batch;
  for (const char kind : shared_kinds()) batch.erase_prefix(std::string(1, kind));
  return local.commit(batch, Durability::Buffered, SpaceNeed::Reclaims);
}

Status load_snapshot(const SnapshotIndex& index, Remote& remote, KeyValueStore& local,
                     std::chrono::milliseconds patience) {
  if (Status status = clear_shared_keys(local); !status.ok()) return status;
  for (const SnapshotIndex::Part& part : index.parts) {
    const auto bytes = get_whole(remote, part.object, static_cast<std::size_t>(part.size_bytes),
                                 std::chrono::steady_clock::now() + patience);
    if (bytes.code() == Code::NotFound) return damaged_snapshot("a part of it is missing");
    if (!bytes.ok()) return bytes.status();
    if (hash_of(bytes_of(*bytes)).digest != part.digest) return damaged_snapshot("a part of it has other bytes");
    auto changes = LoggedChanges::decode(*bytes);
    if (!changes.ok()) return changes.status();
    Batch batch;
    batch.puts = std::move(changes->puts);
    if (Status status = local.commit(batch, Durability::Buffered); !status.ok()) return status;
  }
  PositionRecord position;
  position.registry_id = index.registry_id;
  position.next_slot = index.next_slot;
  position.chain = index.chain;
  Batch batch;
  batch.put(keys::kPosition, position.encode());
  return local.commit(batch, Durability::Durable);
}

}  // namespace modelfs
