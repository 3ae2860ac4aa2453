#include "vfs/container_cache.h"

namespace modelfs {

Result<std::shared_ptr<const Container>> ContainerCache::find(Ino ino) {
  {
    const MutexLock lock(mutex_);
    const auto* const found = containers_.find(raw(ino));
    ++(found != nullptr ? figures_.hits : figures_.misses);
    if (found != nullptr) return *found;
  }
  const auto stored = registry_.snapshot();
  if (!stored.ok()) return stored.status();
  auto loaded = stored->container(ino);
  if (!loaded.ok()) return loaded.status();
  auto container = std::make_shared<const Container>(std::move(*loaded));
  const MutexLock lock(mutex_);
  containers_.put(raw(ino), container, container->manifest->memory_bytes());
  return container;
}

CacheFigures ContainerCache::figures() const {
  const MutexLock lock(mutex_);
  CacheFigures figures = figures_;
  figures.bytes = containers_.weight();
  return figures;
}

}  // namespace modelfs
