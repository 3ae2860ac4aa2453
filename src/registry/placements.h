// Placements in a batch: see PlacementRecord. Private to src/registry.
#pragma once
#include <string>
#include <string_view>

#include "catalog/snapshot.h"
#include "drafts/draft_store.h"

namespace modelfs {

// The path beneath the mount point of the directory that stands for a state, in modelstore's layout.
std::string state_directory(const DomainName& domain, std::string_view state);

// Adds `placement` under `name` in a directory that the batch holds (DraftTree::hold_directory).
void put_placement(const DomainName& domain, std::string_view directory, std::string_view name,
                   const PlacementRecord& placement, Batch& batch);
// Takes all names of a release away, and remembers them.
Status lift_placements(const DomainName& domain, const Snapshot& stored, Ino release, Batch& batch);
// Gives them back where the name in a directory of that path is free, and forgets the others. The directory of an
// upload is made anew if it was removed since, that of a state is not.
Status replace_placements(const DomainName& domain, const DomainRecord& head, DraftStore& drafts,
                          const Snapshot& stored, Ino release, Batch& batch);

}  // namespace modelfs
