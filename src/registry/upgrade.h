// Brings a store of an earlier version to the present one (src/catalog/FORMAT.md, *Versions*).
#pragma once
#include "store/key_value_store.h"
#include "store/store_lock.h"

namespace modelfs {

enum class OpenedFor { Reading, Writing };

// Does nothing for a store of kStoreVersion. Called by whoever opens a store, before anything else reads its keys. All
// changes of keys are one durable batch: a process that is killed anywhere leaves a store that the next call completes,
// and nothing is lost. Unsupported: it needs an upgrade, and is opened for reading; the message says what to do.
// Corrupt, NoSpace, IoError: what was not upgraded is as it was.
Status upgrade_store(StoreLock& lock, KeyValueStore& keys, OpenedFor what);

// The batch that makes the keys of a store of version 1 those of version 2. For tests.
Result<Batch> plan_upgrade_from_1(const KeyValueSnapshot& keys);

}  // namespace modelfs
