// What must be there if nothing was lost: the history of each domain is dense up to its head.
#pragma once
#include <string>
#include <vector>

#include "catalog/snapshot.h"

namespace modelfs {

// Says what is missing, a sentence for each domain. Reads every history record once.
Result<std::vector<std::string>> find_lost_history(const Snapshot& stored);

}  // namespace modelfs
