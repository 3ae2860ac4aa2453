// The two parts of what a commit changes: see keys::Life.
#pragma once
#include "store/key_value_store.h"

namespace modelfs {

// Each with its own expectations, erases, prefixes and puts. An engine of one host applies both in one batch. Where
// something else than this host decides whether the shared part holds, the host's comes after it, and a crash may come
// between: then it is applied anew, whatever of it was applied before.
struct CommitParts {
  Batch shared;
  Batch host;
};

// Internal: a key is of no kind that keys.h knows, or an erased prefix is, or is empty and would reach across both.
Result<CommitParts> split(const Batch& batch);
// Whether split() would succeed.
Status check_lives(const Batch& batch);

// The host's part as it is applied once the shared one holds: its expectations were asked before that, with the shared
// part's. Applied any number of times it leaves the same keys, as long as nothing else changes them in between.
Batch without_expectations(Batch host);

}  // namespace modelfs
