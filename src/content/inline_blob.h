// Blobs that lie in the catalog.
#pragma once
#include <cstdint>

#include "base/digest.h"
#include "base/status.h"
#include "base/types.h"
#include "store/key_value_store.h"

namespace modelfs {

// What a file of `size_bytes` without holes takes on the disk: blocks of 4096 bytes.
constexpr std::uint64_t allocated_for(std::uint64_t size_bytes) { return (size_bytes + 4095) / 4096 * 4096; }

// Adds to `batch` the blob of `bytes`, at most kInlineBlobBytesMax, unless the catalog has it undamaged. `hash` is
// theirs. The caller has a pin on it.
Status put_inline_blob(const KeyValueStore& keys, const ContentHash& hash, ByteView bytes, Batch& batch);

}  // namespace modelfs
