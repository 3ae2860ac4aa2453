#include "registry/leases.h"

namespace modelfs {

std::unique_ptr<Leases::Lease> Leases::take(std::vector<Digest> digests) {
  const MutexLock lock(mutex_);
  while (is_any_condemned(digests)) pardoned_.wait(mutex_);
  for (const Digest& digest : digests) ++counts_[digest];
  if (watching_) watched_.insert(digests.begin(), digests.end());
  return std::make_unique<Lease>(*this, std::move(digests));
}

bool Leases::is_any_condemned(const std::vector<Digest>& digests) const {
  if (condemned_.empty()) return false;
  for (const Digest& digest : digests) {
    if (condemned_.contains(digest)) return true;
  }
  return false;
}

void Leases::watch() {
  const MutexLock lock(mutex_);
  watching_ = true;
  watched_.clear();
  for (const auto& [digest, count] : counts_) watched_.insert(digest);
}

void Leases::end_watch() {
  const MutexLock lock(mutex_);
  watching_ = false;
  watched_.clear();
}

bool Leases::condemn(const Digest& digest) {
  const MutexLock lock(mutex_);
  return !counts_.contains(digest) && !watched_.contains(digest) && condemned_.insert(digest).second;
}

void Leases::pardon(const Digest& digest) {
  {
    const MutexLock lock(mutex_);
    condemned_.erase(digest);
  }
  pardoned_.notify_all();
}

void Leases::end(const std::vector<Digest>& digests) {
  const MutexLock lock(mutex_);
  for (const Digest& digest : digests) {
    const auto found = counts_.find(digest);
    if (found != counts_.end() && --found->second == 0) counts_.erase(found);
  }
}

}  // namespace modelfs
