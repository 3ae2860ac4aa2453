// Decoded manifests of releases and generations, kept while they are used.
#pragma once
#include <memory>

#include "base/lru_cache.h"
#include "base/mutex.h"
#include "base/status.h"
#include "catalog/snapshot.h"
#include "registry/registry.h"

namespace modelfs {

// Safe for concurrent use. Containers are immutable, so an entry is never wrong, only old.
class ContainerCache {
 public:
  static constexpr std::size_t kBytesMax = 64ull << 20;

  explicit ContainerCache(const Registry& registry, std::size_t bytes_max = kBytesMax)
      : registry_(registry), containers_(bytes_max) {}

  // NotFound, Corrupt, IoError: see Snapshot::container.
  Result<std::shared_ptr<const Container>> find(Ino ino) EXCLUDES(mutex_);
  CacheFigures figures() const EXCLUDES(mutex_);

 private:
  const Registry& registry_;
  mutable Mutex mutex_;  // leaf lock; not held while a manifest is read
  LruCache<std::uint64_t, std::shared_ptr<const Container>> containers_ GUARDED_BY(mutex_);
  CacheFigures figures_ GUARDED_BY(mutex_);  // without the bytes
};

}  // namespace modelfs
