#include "engine/rocksdb/key_claims.h"

#include <algorithm>

namespace modelfs {

KeyClaims::Wants::Wants(const Batch& batch)
    : changed_prefixes(batch.erase_prefixes.begin(), batch.erase_prefixes.end()) {
  for (const Batch::Expectation& expectation : batch.expectations) expected.push_back(expectation.key);
  for (const Batch::Put& put : batch.puts) changed.insert(put.key);
  changed.insert(batch.erases.begin(), batch.erases.end());
}

bool KeyClaims::Wants::changes(std::string_view key) const {
  if (changed.contains(key)) return true;
  return std::any_of(changed_prefixes.begin(), changed_prefixes.end(),
                     [key](std::string_view prefix) { return key.starts_with(prefix); });
}

bool KeyClaims::Wants::meets(const Wants& other) const {
  return std::any_of(expected.begin(), expected.end(), [&](std::string_view key) { return other.changes(key); }) ||
         std::any_of(other.expected.begin(), other.expected.end(), [&](std::string_view key) { return changes(key); });
}

bool KeyClaims::must_wait(std::list<Wants>::const_iterator place) const {
  return std::any_of(queue_.begin(), place, [&](const Wants& earlier) { return earlier.meets(*place); });
}

KeyClaims::Claim KeyClaims::take(const Batch& batch) {
  Wants wants(batch);
  const MutexLock lock(mutex_);
  const auto place = queue_.insert(queue_.end(), std::move(wants));
  while (must_wait(place)) given_back_.wait(mutex_);
  return Claim(*this, place);
}

KeyClaims::Claim::~Claim() {
  const MutexLock lock(claims_.mutex_);
  claims_.queue_.erase(place_);
  claims_.given_back_.notify_all();
}

}  // namespace modelfs
