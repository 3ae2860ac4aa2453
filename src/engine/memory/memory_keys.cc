#include "engine/memory/memory_keys.h"

#include <algorithm>

#include "base/names.h"
#include "engine/batch_rules.h"

namespace modelfs {
namespace {

Status no_such_key(std::string_view key) { return Status(Code::NotFound, "no key '" + printable(key) + "'"); }

class MemorySnapshot final : public KeyValueSnapshot {
 public:
  explicit MemorySnapshot(std::shared_ptr<VersionedKeys> keys) : keys_(std::move(keys)), moment_(keys_->pin()) {}
  ~MemorySnapshot() override { keys_->unpin(moment_); }
  MemorySnapshot(const MemorySnapshot&) = delete;
  MemorySnapshot& operator=(const MemorySnapshot&) = delete;

  Result<std::string> get(std::string_view key) const override {
    auto value = keys_->at(moment_, key);
    if (!value) return no_such_key(key);
    return *std::move(value);
  }

  // Why a lookup per key: `visit` may ask the store again, so no lock may be held while it runs.
  Status scan(std::string_view prefix, std::string_view from,
              const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    std::string next(std::max(prefix, from));
    while (const auto found = keys_->first_at(moment_, next)) {
      const auto& [key, value] = *found;
      if (!key.starts_with(prefix) || !visit(key, value)) break;
      next = key + '\0';  // the smallest key above
    }
    return {};
  }

  Status failure() const override { return {}; }

 private:
  const std::shared_ptr<VersionedKeys> keys_;
  const VersionedKeys::Moment moment_;
};

}  // namespace

VersionedKeys::Moment VersionedKeys::pin() {
  const MutexLock lock(mutex_);
  pins_.insert(present_);
  return present_;
}

void VersionedKeys::unpin(Moment moment) {
  const MutexLock lock(mutex_);
  pins_.erase(pins_.find(moment));
}

const std::optional<std::string>& VersionedKeys::value_at(const Versions& versions, Moment moment) {
  static const std::optional<std::string> kNone;
  const auto later = [moment](const Version& version) { return version.since > moment; };
  const auto found = std::find_if_not(versions.rbegin(), versions.rend(), later);
  return found == versions.rend() ? kNone : found->value;
}

std::optional<std::string> VersionedKeys::at(Moment moment, std::string_view key) const {
  const MutexLock lock(mutex_);
  const auto found = keys_.find(key);
  if (found == keys_.end()) return std::nullopt;
  return value_at(found->second, moment);
}

std::optional<std::pair<std::string, std::string>> VersionedKeys::first_at(Moment moment, std::string_view from) const {
  const MutexLock lock(mutex_);
  for (auto entry = keys_.lower_bound(from); entry != keys_.end(); ++entry) {
    const auto& value = value_at(entry->second, moment);
    if (value) return std::pair(entry->first, *value);
  }
  return std::nullopt;
}

bool VersionedKeys::holds(const Batch::Expectation& expectation) const {
  const auto found = keys_.find(expectation.key);
  if (found == keys_.end()) return !expectation.value;
  return found->second.back().value == expectation.value;
}

Status VersionedKeys::commit(const Batch& batch) {
  const MutexLock lock(mutex_);
  for (const Batch::Expectation& expectation : batch.expectations) {
    if (!holds(expectation)) return Status(Code::Conflict, "'" + printable(expectation.key) + "' has changed");
  }
  ++present_;
  for (const std::string& key : batch.erases) {
    if (keys_.contains(key)) change(key, std::nullopt);
  }
  for (const std::string& prefix : batch.erase_prefixes) erase_prefix(prefix);
  for (const Batch::Put& put : batch.puts) change(put.key, put.value);
  return {};
}

void VersionedKeys::erase_prefix(const std::string& prefix) {
  auto entry = keys_.lower_bound(prefix);
  while (entry != keys_.end() && entry->first.starts_with(prefix)) {
    const std::string key = entry->first;
    ++entry;  // before the change, which may forget the key
    change(key, std::nullopt);
  }
}

void VersionedKeys::change(const std::string& key, std::optional<std::string> value) {
  Versions& versions = keys_[key];
  if (!versions.empty() && versions.back().since == present_) {
    versions.back().value = std::move(value);
  } else {
    versions.push_back({present_, std::move(value)});
  }
  // Of the versions that the oldest reader can see, only the newest is still needed. Old versions of keys that are not
  // changed again stay: at most one per change that was made while a snapshot existed.
  const Moment oldest = pins_.empty() ? present_ : *pins_.begin();
  const auto seen = [oldest](const Version& version) { return version.since <= oldest; };
  const auto needed = std::find_if(versions.rbegin(), versions.rend(), seen);
  if (needed != versions.rend()) versions.erase(versions.begin(), std::prev(needed.base()));
  if (versions.size() == 1 && !versions.front().value) keys_.erase(key);
}

Result<std::shared_ptr<const KeyValueSnapshot>> MemoryKeys::snapshot() const {
  return std::shared_ptr<const KeyValueSnapshot>(std::make_shared<MemorySnapshot>(keys_));
}

Result<std::string> MemoryKeys::get(std::string_view key) const {
  auto value = keys_->at(VersionedKeys::kNow, key);
  if (!value) return no_such_key(key);
  return *std::move(value);
}

Status MemoryKeys::commit(const Batch& batch, Durability, SpaceNeed) {
  if (Status status = check_batch(batch); !status.ok()) return status;
  return keys_->commit(batch);
}

}  // namespace modelfs
