// Whether a remote keeps what store/remote.h promises: asked of it, not of its documents.
#pragma once
#include "store/remote.h"

namespace modelfs {

// What Remote::probe() tries whatever the engine: below `probe/`, under names that nobody else uses, puts objects under
// conditions one after the other and by eight at once, and reads back what that has left; reads ranges, lists, removes.
// Unsupported: it does not hold; says what was answered. Every other failure is that of a call.
// Why bytes are compared: there is a server that answers right and stores a loser's bytes.
Status probe_conditions(Remote& remote, Deadline deadline);

}  // namespace modelfs
