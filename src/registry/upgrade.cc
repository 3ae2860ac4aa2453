#include "registry/upgrade.h"

#include <unordered_map>

#include "base/log.h"
#include "catalog/keys.h"
#include "catalog/records.h"
#include "drafts/draft_records.h"
#include "registry/placements.h"

namespace modelfs {
namespace {

const std::string kVersionNow = std::to_string(kStoreVersion);
constexpr std::size_t kPrefixBytes = 2;  // "v/"
constexpr std::size_t kNumberBytes = 8;

// Version 1 named the directory of a placement by the number of its draft:
//   v/<be64 ino of the directory><name>
//   y/<be64 ino><be64 ino of the directory><name>
// and its record, of version 1, ended with the path of an archive or file beneath the mount point; a state had none.
class PlacementsOf1 {
 public:
  explicit PlacementsOf1(const KeyValueSnapshot& keys) : keys_(keys) {}

  Status plan(Batch& batch) {
    batch.erase_prefix(keys::all(keys::Kind::Placement));
    batch.erase_prefix(keys::all(keys::Kind::PlacementOf));
    for (const auto kind : {keys::Kind::Placement, keys::Kind::PlacementOf}) {
      Status failed;
      const Status scanned = keys_.scan(keys::all(kind), "", [&](std::string_view key, std::string_view value) {
        failed = add(kind, key, value, batch);
        return failed.ok();
      });
      if (!failed.ok()) return failed;
      if (!scanned.ok()) return scanned;
    }
    return {};
  }

 private:
  struct Old {
    PlacementRecord record;
    std::string path;
  };

  static Result<Old> decode(std::string_view value) {
    Decoder in(value);
    const std::uint64_t version = in.number();
    const std::uint64_t kind = in.number();
    Old old;
    old.record.domain = in.text();
    old.record.version = in.text();
    old.record.sequence = Sequence{in.number()};
    old.record.release = Ino{in.number()};
    old.path = in.text();
    if (!in.finished() || version != 1 || kind < 1 || kind > 3) {
      return Status(Code::Corrupt, "a placement record of version 1 does not decode");
    }
    old.record.kind = PlacementRecord::Kind{static_cast<std::uint8_t>(kind)};
    return old;
  }

  Status add(keys::Kind kind, std::string_view key, std::string_view value, Batch& batch) {
    const bool is_by_release = kind == keys::Kind::PlacementOf;
    const std::size_t directory_at = kPrefixBytes + (is_by_release ? kNumberBytes : 0);
    if (key.size() <= directory_at + kNumberBytes) return {Code::Corrupt, "the key of a placement is too short"};
    const Ino directory{*parse_be64(key.substr(directory_at, kNumberBytes))};
    const std::string_view name = key.substr(directory_at + kNumberBytes);
    const auto old = decode(value);
    if (!old.ok()) return old.status();
    const auto domain = DomainName::parse(old->record.domain);
    if (!domain.ok()) return domain.status();
    const auto path = path_of(directory, name, *old, *domain);
    if (path.code() == Code::NotFound) {
      // Its draft directory was removed, so version 1 would never show it again.
      log::info("upgrade: '{}' of {}/{} lay in a directory that is gone, and is forgotten", printable(name),
                domain->str(), printable(old->record.version));
      return {};
    }
    if (!path.ok()) return path.status();
    batch.put(
        is_by_release ? keys::placement_of(old->record.release, *path, name) : keys::placement(*domain, *path, name),
        old->record.encode());
    return {};
  }

  // Of its directory, beneath the mount point.
  Result<std::string> path_of(Ino directory, std::string_view name, const Old& old, const DomainName& domain) {
    if (old.record.kind != PlacementRecord::Kind::State) {
      const std::string end = "/" + std::string(name);
      if (!old.path.ends_with(end)) {
        return Status(Code::Corrupt,
                      "the placement '" + printable(name) + "' has the path '" + printable(old.path) + "'");
      }
      return old.path.substr(0, old.path.size() - end.size());
    }
    auto known = states_.find(raw(directory));
    if (known == states_.end()) known = states_.emplace(raw(directory), name_of(directory)).first;
    if (!known->second.ok()) return known->second.status();
    return state_directory(domain, *known->second);
  }

  // Of a draft directory. NotFound: it is gone.
  Result<std::string> name_of(Ino directory) const {
    const auto value = keys_.get(keys::draft_inode(directory));
    if (!value.ok()) return value.status();
    const auto record = DraftRecord::decode(*value);
    if (!record.ok()) return record.status();
    Result<std::string> name = Status(Code::NotFound, "the directory has no name");
    const std::string prefix = keys::draft_entries(record->parent);
    const Status scanned = keys_.scan(prefix, "", [&](std::string_view key, std::string_view bytes) {
      const auto entry = DraftEntry::decode(bytes);
      if (entry.ok() && entry->ino == directory) name = std::string(key.substr(prefix.size()));
      return !name.ok();
    });
    return scanned.ok() ? name : Result<std::string>(scanned);
  }

  const KeyValueSnapshot& keys_;
  std::unordered_map<std::uint64_t, Result<std::string>> states_;
};

// Whether the keys are those of kStoreVersion already, though FORMAT does not say so yet.
Result<bool> has_upgraded_keys(const KeyValueStore& keys) {
  const auto value = keys.get(keys::kVersion);
  if (value.code() == Code::NotFound) return false;
  if (!value.ok()) return value.status();
  return *value == kVersionNow;
}

Status only_for_writing(const StoreLock& lock) {
  const StoreFormat& format = lock.format();
  const std::uint64_t from = format.upgrading_from != 0 ? format.upgrading_from : format.version;
  const std::string first = lock.is_read_only() ? "remount its disk for writing, and run any command on it"
                                                : "mount it once without -o ro, or run any command on it";
  return {Code::Unsupported, "the store is of version " + std::to_string(from) + ", and must be upgraded to version " +
                                 kVersionNow + " before it can be read: " + first + ", such as `modelfs ls`"};
}

}  // namespace

Result<Batch> plan_upgrade_from_1(const KeyValueSnapshot& keys) {
  Batch batch;
  if (Status status = PlacementsOf1(keys).plan(batch); !status.ok()) return status;
  batch.put(keys::kVersion, kVersionNow);
  return batch;
}

Status upgrade_store(StoreLock& lock, KeyValueStore& keys, OpenedFor what) {
  if (!lock.format().needs_upgrade()) return {};
  if (what == OpenedFor::Reading) return only_for_writing(lock);
  const auto done = has_upgraded_keys(keys);
  if (!done.ok()) return done.status();
  if (!*done) {
    auto snapshot = keys.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    // Why before FORMAT changes: what cannot be upgraded stays open to the modelfs that wrote it.
    const auto batch = plan_upgrade_from_1(**snapshot);
    snapshot->reset();  // it must not outlive what it was taken for
    if (!batch.ok()) return {batch.code(), "the store cannot be upgraded: " + batch.status().message()};
    if (Status status = lock.begin_upgrade(); !status.ok()) return status;
    if (Status status = keys.commit(*batch, Durability::Durable, SpaceNeed::Reclaims); !status.ok()) return status;
  }
  if (Status status = lock.end_upgrade(); !status.ok()) return status;
  log::info("the store was upgraded to version {}", kStoreVersion);
  return {};
}

}  // namespace modelfs
