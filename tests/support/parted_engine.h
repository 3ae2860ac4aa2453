// An engine that applies the two parts of a commit one after the other, as one does whose shared part is decided
// elsewhere, and that can be killed in between.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "catalog/commit_parts.h"
#include "catalog/keys.h"
#include "store/engine.h"

namespace modelfs {

enum class KillAt { Never, BeforeShared, AfterShared, AfterHost };

// What outlives a process: the host's part of the commit under way is on disk before its shared part is asked for.
struct PartedNotes {
  std::optional<Batch> host;
  bool shared_holds = false;
  KillAt kill_at = KillAt::Never;  // in the next commit that has a shared part
  bool killed = false;             // nothing that this process does reaches the disk any more
  int commits = 0;                 // that had a shared part
};

inline Status killed() { return {Code::IoError, "this process was killed"}; }

class PartedKeys final : public KeyValueStore {
 public:
  // The next process: completes what the last one had begun. Both outlive this.
  PartedKeys(KeyValueStore& below, PartedNotes& notes) : below_(below), notes_(notes) {
    notes_.killed = false;
    notes_.kill_at = KillAt::Never;
    if (notes_.host && notes_.shared_holds) apply_host();
    notes_.host.reset();
  }

  Result<std::shared_ptr<const KeyValueSnapshot>> snapshot() const override { return below_.snapshot(); }
  Result<std::string> get(std::string_view key) const override { return below_.get(key); }
  Status commit(const Batch& batch, Durability durability, SpaceNeed need) override {
    const MutexLock lock(mutex_);
    if (notes_.killed) return killed();
    const auto parts = split(batch);
    if (!parts.ok()) return parts.status();
    if (is_empty(parts->shared)) return below_.commit(batch, durability, need);
    ++notes_.commits;
    notes_.host = without_expectations(parts->host);
    notes_.shared_holds = false;
    if (dies_at(KillAt::BeforeShared)) return killed();
    Batch shared = parts->shared;
    for (const auto& each : parts->host.expectations) shared.expectations.push_back(each);
    if (Status status = below_.commit(shared, durability, need); !status.ok()) {
      notes_.host.reset();
      return status;
    }
    notes_.shared_holds = true;
    if (dies_at(KillAt::AfterShared)) return killed();
    apply_host();
    if (dies_at(KillAt::AfterHost)) return killed();
    notes_.host.reset();
    return {};
  }
  std::vector<std::string> verify() override { return below_.verify(); }

 private:
  static bool is_empty(const Batch& batch) {
    return batch.expectations.empty() && batch.erases.empty() && batch.erase_prefixes.empty() && batch.puts.empty();
  }
  bool dies_at(KillAt point) {
    if (notes_.kill_at == point) notes_.killed = true;
    return notes_.killed;
  }
  std::map<std::string, std::string> all() const {
    std::map<std::string, std::string> found;
    EXPECT_TRUE((*below_.snapshot())
                    ->scan("", "",
                           [&](std::string_view key, std::string_view value) {
                             found.emplace(key, value);
                             return true;
                           })
                    .ok());
    return found;
  }
  // Twice: it must leave the same keys.
  void apply_host() {
    EXPECT_TRUE(below_.commit(*notes_.host, Durability::Durable, SpaceNeed::Reclaims).ok());
    const auto once = all();
    EXPECT_TRUE(below_.commit(*notes_.host, Durability::Durable, SpaceNeed::Reclaims).ok());
    EXPECT_EQ(once, all()) << "the host's part of a commit is not repeatable";
  }

  KeyValueStore& below_;
  PartedNotes& notes_;
  Mutex mutex_;
};

// Blobs that a killed process cannot change any more.
class MortalBlobs final : public BlobStore {
 public:
  MortalBlobs(BlobStore& below, const PartedNotes& notes) : below_(below), notes_(notes) {}

  Result<std::unique_ptr<BlobReader>> open(const Digest& digest) const override { return below_.open(digest); }
  Status adopt(const Digest& digest, int dir, const std::string& name) override {
    return notes_.killed ? killed() : below_.adopt(digest, dir, name);
  }
  Status sync(const std::vector<Digest>& adopted) override { return notes_.killed ? killed() : below_.sync(adopted); }
  Status remove(const Digest& digest) override { return notes_.killed ? killed() : below_.remove(digest); }
  Status for_each(const std::function<bool(const Digest&, std::uint64_t, TimeNs)>& visit) const override {
    return below_.for_each(visit);
  }

 private:
  BlobStore& below_;
  const PartedNotes& notes_;
};

// A process's engine over what lies on the disk.
inline Engine parted(Engine& disk, PartedNotes& notes) {
  return {std::make_unique<PartedKeys>(*disk.keys, notes), std::make_unique<MortalBlobs>(*disk.blobs, notes)};
}

}  // namespace modelfs
