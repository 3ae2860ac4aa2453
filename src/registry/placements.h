// Placements in a batch: see PlacementRecord. Private to src/registry.
#pragma once
#include <string_view>

#include "catalog/snapshot.h"
#include "drafts/draft_store.h"

namespace modelfs {

// Adds `placement` under `name` in a draft directory, which has to be there when the batch is committed. NotFound.
Status put_placement(const DraftStore& drafts, Ino directory, std::string_view name, const PlacementRecord& placement,
                     Batch& batch);
// Takes all names of a release away, and remembers them.
Status lift_placements(const Snapshot& stored, Ino release, Batch& batch);
// Gives them back where that is still possible, and forgets the others.
Status replace_placements(const DraftStore& drafts, const Snapshot& stored, Ino release, Batch& batch);

}  // namespace modelfs
