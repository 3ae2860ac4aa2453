// An engine that knows who holds snapshots of it: none may outlive the step that took it, for a commit whose engine
// reopens itself would wait for its own.
#pragma once
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "store/engine.h"

namespace modelfs {

// Outlives the engine and its snapshots. Safe for concurrent use.
class SnapshotCounts {
 public:
  // Snapshots that this thread has taken and that are still there.
  int mine() const {
    const MutexLock lock(mutex_);
    const auto found = live_.find(std::this_thread::get_id());
    return found == live_.end() ? 0 : found->second;
  }
  int taken() const {
    const MutexLock lock(mutex_);
    return taken_;
  }
  // Commits of any thread that held a snapshot of its own meanwhile.
  int held_in_commits() const {
    const MutexLock lock(mutex_);
    return held_in_commits_;
  }
  std::chrono::steady_clock::duration longest_commit() const {
    const MutexLock lock(mutex_);
    return longest_commit_;
  }

  // How often a key that begins with `prefix` was read by itself; the most of any.
  int most_reads_of(std::string_view prefix) const {
    const MutexLock lock(mutex_);
    int most = 0;
    for (auto at = reads_.lower_bound(prefix); at != reads_.end() && at->first.starts_with(prefix); ++at) {
      most = std::max(most, at->second);
    }
    return most;
  }
  void add_read(std::string_view key) {
    const MutexLock lock(mutex_);
    ++reads_[std::string(key)];
  }

  // What is counted of commits and reads begins anew.
  void forget() {
    const MutexLock lock(mutex_);
    longest_commit_ = {};
    reads_.clear();
  }

  void add(std::thread::id taker, int count) {
    const MutexLock lock(mutex_);
    live_[taker] += count;
    taken_ += count > 0 ? 1 : 0;
  }
  Status time(const std::function<Status()>& commit) {
    const bool holds = mine() > 0;
    const auto begin = std::chrono::steady_clock::now();
    const Status status = commit();
    const MutexLock lock(mutex_);
    held_in_commits_ += holds ? 1 : 0;
    longest_commit_ = std::max(longest_commit_, std::chrono::steady_clock::now() - begin);
    return status;
  }

 private:
  mutable Mutex mutex_;  // leaf lock
  std::map<std::thread::id, int> live_ GUARDED_BY(mutex_);
  int taken_ GUARDED_BY(mutex_) = 0;
  int held_in_commits_ GUARDED_BY(mutex_) = 0;
  std::chrono::steady_clock::duration longest_commit_ GUARDED_BY(mutex_){};
  std::map<std::string, int, std::less<>> reads_ GUARDED_BY(mutex_);
};

class CountedSnapshot final : public KeyValueSnapshot {
 public:
  CountedSnapshot(std::shared_ptr<const KeyValueSnapshot> below, SnapshotCounts& counts)
      : below_(std::move(below)), counts_(counts), taker_(std::this_thread::get_id()) {
    counts_.add(taker_, 1);
  }
  ~CountedSnapshot() override { counts_.add(taker_, -1); }
  CountedSnapshot(const CountedSnapshot&) = delete;
  CountedSnapshot& operator=(const CountedSnapshot&) = delete;

  Result<std::string> get(std::string_view key) const override {
    counts_.add_read(key);
    return below_->get(key);
  }
  Status scan(std::string_view prefix, std::string_view from,
              const std::function<bool(std::string_view key, std::string_view value)>& visit) const override {
    return below_->scan(prefix, from, visit);
  }
  Status failure() const override { return below_->failure(); }

 private:
  const std::shared_ptr<const KeyValueSnapshot> below_;
  SnapshotCounts& counts_;
  const std::thread::id taker_;
};

class CountedKeys final : public KeyValueStore {
 public:
  CountedKeys(std::unique_ptr<KeyValueStore> below, SnapshotCounts& counts)
      : below_(std::move(below)), counts_(counts) {}

  Result<std::shared_ptr<const KeyValueSnapshot>> snapshot() const override {
    auto taken = below_->snapshot();
    if (!taken.ok()) return taken;
    return std::shared_ptr<const KeyValueSnapshot>(std::make_shared<CountedSnapshot>(std::move(*taken), counts_));
  }
  Result<std::string> get(std::string_view key) const override {
    counts_.add_read(key);
    return below_->get(key);
  }
  Status commit(const Batch& batch, Durability durability, SpaceNeed need) override {
    return counts_.time([&] { return below_->commit(batch, durability, need); });
  }
  std::vector<std::string> verify() override { return below_->verify(); }

 private:
  const std::unique_ptr<KeyValueStore> below_;
  SnapshotCounts& counts_;
};

inline Engine counted(Engine engine, SnapshotCounts& counts) {
  return {std::make_unique<CountedKeys>(std::move(engine.keys), counts), std::move(engine.blobs)};
}

}  // namespace modelfs
