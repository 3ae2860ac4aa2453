// What a host that follows a registry of many hosts says of itself: in `modelfs status` and status.json.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "control/hooks.h"
#include "replica/replica.h"

namespace modelfs {

// {"address": …, "id": …, "reachable": true, "next_record": 17, …}; `failure` is there only where there is one.
nlohmann::ordered_json replica_document(Replica& replica);

// What a command or a mount offers for the bucket of `replica`, which outlives it; none: the store has no bucket.
void offer_bucket(Replica* replica, ServedAt& place);

}  // namespace modelfs
