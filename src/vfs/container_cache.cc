#include "vfs/container_cache.h"

namespace modelfs {

Result<std::shared_ptr<const Container>> ContainerCache::find(Ino ino) {
  {
    const MutexLock lock(mutex_);
    const auto found = by_ino_.find(raw(ino));
    ++(found != by_ino_.end() ? figures_.hits : figures_.misses);
    if (found != by_ino_.end()) {
      items_.splice(items_.begin(), items_, found->second);
      return found->second->container;
    }
  }
  const auto stored = registry_.snapshot();
  if (!stored.ok()) return stored.status();
  auto loaded = stored->container(ino);
  if (!loaded.ok()) return loaded.status();
  auto container = std::make_shared<const Container>(std::move(*loaded));
  const MutexLock lock(mutex_);
  if (!by_ino_.contains(raw(ino))) keep(ino, container);
  return container;
}

void ContainerCache::keep(Ino ino, std::shared_ptr<const Container> container) {
  figures_.bytes += container->manifest->memory_bytes();
  items_.push_front({ino, std::move(container)});
  by_ino_[raw(ino)] = items_.begin();
  while (figures_.bytes > bytes_max_ && items_.size() > 1) {
    figures_.bytes -= items_.back().container->manifest->memory_bytes();
    by_ino_.erase(raw(items_.back().ino));
    items_.pop_back();
  }
}

CacheFigures ContainerCache::figures() const {
  const MutexLock lock(mutex_);
  return figures_;
}

}  // namespace modelfs
