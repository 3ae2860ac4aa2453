#include "ingest/ingest.h"

#include "base/disk_refusal.h"

namespace modelfs {

Result<std::unique_ptr<Ingest>> Ingest::open(Registry& registry, const ArchiveLimits& limits) {
  auto ingest = std::make_unique<Ingest>(registry, limits);
  if (registry.is_read_only()) return ingest;
  if (Status status = unless_disk_refuses(ingest->archives.discard_leftovers()); !status.ok()) return status;
  registry.garbage().sweep_later();
  return ingest;
}

}  // namespace modelfs
