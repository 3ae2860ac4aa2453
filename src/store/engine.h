// An engine: the two halves of a store, opened together.
#pragma once
#include <cstdint>
#include <memory>

#include "store/blob_store.h"
#include "store/key_value_store.h"

namespace modelfs {

struct Engine {
  std::unique_ptr<KeyValueStore> keys;
  std::unique_ptr<BlobStore> blobs;
};

// Figures of the disk under the store; `free_bytes` is what may still be written before commits are refused.
struct SpaceReport {
  std::uint64_t size_bytes = 0;
  std::uint64_t free_bytes = 0;
};

}  // namespace modelfs
