#include "catalog/checked_keys.h"

#include "catalog/commit_parts.h"

namespace modelfs {

Status CheckedKeys::commit(const Batch& batch, Durability durability, SpaceNeed need) {
  if (Status status = check_lives(batch); !status.ok()) return status;
  return below_->commit(batch, durability, need);
}

}  // namespace modelfs
