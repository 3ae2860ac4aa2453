// Blobs that lie in the catalog.
#pragma once
#include <cstdint>

#include "base/digest.h"
#include "base/status.h"
#include "base/types.h"
#include "catalog/records.h"
#include "store/key_value_store.h"

namespace modelfs {

// Adds to `batch` the blob of `bytes`, at most kInlineBlobBytesMax, unless the catalog has it undamaged. `hash` is
// theirs. The caller has a pin on it.
Status put_inline_blob(const KeyValueStore& keys, const ContentHash& hash, ByteView bytes, Batch& batch);

}  // namespace modelfs
