// Decoded manifests of releases and generations, kept while they are used.
#pragma once
#include <list>
#include <memory>
#include <unordered_map>

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
      : registry_(registry), bytes_max_(bytes_max) {}

  // NotFound, Corrupt, IoError: see Snapshot::container.
  Result<std::shared_ptr<const Container>> find(Ino ino) EXCLUDES(mutex_);
  CacheFigures figures() const EXCLUDES(mutex_);

 private:
  struct Item {
    Ino ino;
    std::shared_ptr<const Container> container;
  };
  void keep(Ino ino, std::shared_ptr<const Container> container) REQUIRES(mutex_);

  const Registry& registry_;
  const std::size_t bytes_max_;
  mutable Mutex mutex_;                       // leaf lock; not held while a manifest is read
  std::list<Item> items_ GUARDED_BY(mutex_);  // most recently used first
  std::unordered_map<std::uint64_t, std::list<Item>::iterator> by_ino_ GUARDED_BY(mutex_);
  CacheFigures figures_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
