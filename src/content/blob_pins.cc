#include "content/blob_pins.h"

namespace modelfs {

std::unique_ptr<BlobPins::Pin> BlobPins::take(std::vector<Digest> digests) {
  const MutexLock lock(mutex_);
  while (is_any_deleting(digests)) unmarked_.wait(mutex_);
  for (const Digest& digest : digests) ++counts_[digest];
  if (watching_) watched_.insert(digests.begin(), digests.end());
  return std::make_unique<Pin>(*this, std::move(digests));
}

bool BlobPins::is_any_deleting(const std::vector<Digest>& digests) const {
  if (deleting_.empty()) return false;
  for (const Digest& digest : digests) {
    if (deleting_.contains(digest)) return true;
  }
  return false;
}

void BlobPins::watch() {
  const MutexLock lock(mutex_);
  watching_ = true;
  watched_.clear();
  for (const auto& [digest, count] : counts_) watched_.insert(digest);
}

void BlobPins::end_watch() {
  const MutexLock lock(mutex_);
  watching_ = false;
  watched_.clear();
}

bool BlobPins::mark_deleting(const Digest& digest) {
  const MutexLock lock(mutex_);
  return !counts_.contains(digest) && !watched_.contains(digest) && deleting_.insert(digest).second;
}

void BlobPins::unmark(const Digest& digest) {
  {
    const MutexLock lock(mutex_);
    deleting_.erase(digest);
  }
  unmarked_.notify_all();
}

void BlobPins::end(const std::vector<Digest>& digests) {
  const MutexLock lock(mutex_);
  for (const Digest& digest : digests) {
    const auto found = counts_.find(digest);
    if (found != counts_.end() && --found->second == 0) counts_.erase(found);
  }
}

}  // namespace modelfs
