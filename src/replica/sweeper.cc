#include "replica/sweeper.h"

#include <ctime>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/codec.h"
#include "catalog/keys.h"
#include "replica/blob_upload.h"
#include "replica/shared_keys.h"

namespace modelfs {
namespace {

// One record condemns or forgets so many.
constexpr std::size_t kObjectsPerRecord = 1000;

// What the catalog says of objects at one moment.
struct Referred {
  std::unordered_set<std::string> live;                                // something published lies in it
  std::unordered_map<std::string, std::vector<Batch::Put>> locations;  // object -> its `f/` keys
  std::map<std::string, std::string> condemned;                        // object -> value of its `z/` key
  std::optional<std::string> count;                                    // value of `z`
};

Status read_live_digests(const KeyValueSnapshot& keys, std::unordered_set<Digest, DigestHash>& live) {
  for (const keys::Kind kind : {keys::Kind::Manifest, keys::Kind::Archive}) {
    Status failed;
    const Status scanned = keys.scan(keys::all(kind), "", [&](std::string_view key, std::string_view value) {
      Batch one;
      one.put(std::string(key), std::string(value));
      const auto blobs = blobs_of(one);
      if (!blobs.ok()) failed = blobs.status();
      if (blobs.ok()) {
        for (const ReferredBlob& blob : *blobs) live.insert(blob.digest);
      }
      return failed.ok();
    });
    if (!scanned.ok() || !failed.ok()) return scanned.ok() ? failed : scanned;
  }
  return {};
}

Result<Referred> read_references(KeyValueStore& keys) {
  const auto snapshot = keys.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  std::unordered_set<Digest, DigestHash> live;
  if (Status status = read_live_digests(**snapshot, live); !status.ok()) return status;
  Referred found;
  Status failed;
  const std::string locations = keys::all(keys::Kind::Location);
  Status scanned = (*snapshot)->scan(locations, "", [&](std::string_view key, std::string_view value) {
    const auto location = LocationRecord::decode(value);
    if (!location.ok()) failed = location.status();
    if (!location.ok()) return false;
    found.locations[location->object].push_back({std::string(key), std::string(value)});
    Digest digest;
    const std::string_view raw = key.substr(locations.size());
    if (raw.size() == Digest::kSizeBytes) std::copy(raw.begin(), raw.end(), digest.bytes.begin());
    if (live.contains(digest)) found.live.insert(location->object);
    return true;
  });
  if (!scanned.ok() || !failed.ok()) return scanned.ok() ? failed : scanned;
  const std::string condemned = keys::all(keys::Kind::Condemned);
  scanned = (*snapshot)->scan(condemned, "", [&](std::string_view key, std::string_view value) {
    found.condemned.emplace(key.substr(condemned.size()), value);
    return true;
  });
  if (!scanned.ok()) return scanned;
  const auto count = (*snapshot)->get(keys::kCondemnations);
  if (!count.ok() && count.code() != Code::NotFound) return count.status();
  if (count.ok()) found.count = *count;
  if (Status status = (*snapshot)->failure(); !status.ok()) return status;
  return found;
}

// "blobs/xx/digest.nonce.chunks" belongs to "blobs/xx/digest.nonce".
std::string owner_of(const std::string& name) {
  return name.ends_with(kChunksSuffix) ? name.substr(0, name.size() - kChunksSuffix.size()) : name;
}

std::uint64_t seconds_now() { return static_cast<std::uint64_t>(std::time(nullptr)); }

class Sweep {
 public:
  Sweep(Remote& remote, KeyValueStore& keys, const SweepOptions& options)
      : remote_(remote), keys_(keys), options_(options) {}

  Result<SweepReport> run() {
    auto referred = read_references(keys_);
    if (!referred.ok()) return referred.status();
    referred_ = *std::move(referred);
    Status status = list_objects();
    if (status.ok()) status = remove_condemned();
    if (status.ok()) status = condemn();
    if (!status.ok()) return status;
    return report_;
  }

 private:
  Status list_objects() {
    for (const char* prefix : {"blobs/", "packs/"}) {
      const Status listed = remote_.list(
          prefix, "",
          [&](const RemoteObject& object) {
            report_.objects += 1;
            report_.bytes += object.size_bytes;
            sizes_[owner_of(object.name)] += object.size_bytes;
            if (object.age >= options_.orphan_age) old_.insert(owner_of(object.name));
            return true;
          },
          options_.patience);
      if (!listed.ok()) return listed;
    }
    return {};
  }

  Status remove_condemned() {
    std::vector<std::string> removed;
    for (const auto& [object, since] : referred_.condemned) {
      const auto seconds = parse_be64(since);
      if (referred_.live.contains(object)) continue;
      const bool is_due =
          seconds.ok() && seconds_now() >= *seconds + static_cast<std::uint64_t>(options_.grace.count());
      if (!is_due) {
        report_.waiting += 1;
        continue;
      }
      report_.removed += 1;
      report_.removed_bytes += sizes_[object];
      if (options_.dry_run) continue;
      for (const std::string& name : {object, object + std::string(kChunksSuffix)}) {
        const auto deadline = std::chrono::steady_clock::now() + options_.patience;
        if (Status status = remote_.remove(name, deadline); !status.ok()) return status;
      }
      removed.push_back(object);
    }
    return forget(removed);
  }

  // Its keys go once it is gone. Where another sweeper was first, that is as good.
  Status forget(const std::vector<std::string>& removed) {
    for (std::size_t from = 0; from < removed.size(); from += kObjectsPerRecord) {
      Batch batch;
      for (std::size_t i = from; i < std::min(removed.size(), from + kObjectsPerRecord); ++i) {
        batch.expect(keys::condemned(removed[i]), referred_.condemned[removed[i]]);
        batch.erase(keys::condemned(removed[i]));
        for (const Batch::Put& location : referred_.locations[removed[i]]) {
          batch.expect(location.key, location.value);
          batch.erase(location.key);
        }
      }
      const Status status = keys_.commit(batch, Durability::Durable, SpaceNeed::Reclaims);
      if (!status.ok() && status.code() != Code::Conflict) return status;
    }
    return {};
  }

  Status condemn() {
    std::vector<std::string> doomed;
    for (const auto& [object, size_bytes] : sizes_) {
      if (referred_.live.contains(object) || referred_.condemned.contains(object)) continue;
      // What is in `f/` was published once, and its release was purged; else it may be under way to be published.
      if (!referred_.locations.contains(object) && !old_.contains(object)) continue;
      doomed.push_back(object);
      report_.condemned += 1;
      report_.condemned_bytes += size_bytes;
    }
    if (options_.dry_run) return {};
    std::optional<std::string> count = referred_.count;
    for (std::size_t from = 0; from < doomed.size(); from += kObjectsPerRecord) {
      const auto before = count ? parse_be64(*count) : Result<std::uint64_t>(0);
      if (!before.ok()) return before.status();
      Batch batch;
      batch.expect(keys::kCondemnations, count);
      count = be64(*before + 1);
      batch.put(keys::kCondemnations, *count);
      for (std::size_t i = from; i < std::min(doomed.size(), from + kObjectsPerRecord); ++i) {
        batch.put(keys::condemned(doomed[i]), be64(seconds_now()));
      }
      const Status status = keys_.commit(batch, Durability::Durable, SpaceNeed::Reclaims);
      if (status.code() == Code::Conflict) return {};  // another sweeper is at work
      if (!status.ok()) return status;
    }
    return {};
  }

  Remote& remote_;
  KeyValueStore& keys_;
  const SweepOptions options_;
  Referred referred_;
  std::map<std::string, std::uint64_t> sizes_;  // of objects, their chunks' hashes included
  std::unordered_set<std::string> old_;
  SweepReport report_;
};

}  // namespace

Result<SweepReport> sweep(Remote& remote, CommitLog& log, KeyValueStore& keys, const SweepOptions& options) {
  // Who does not know the newest references would keep less than there is.
  if (Status status = log.catch_up(options.patience); !status.ok()) return status;
  return Sweep(remote, keys, options).run();
}

}  // namespace modelfs
