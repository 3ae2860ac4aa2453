// An engine: the two halves of a store, opened together.
#pragma once
#include <memory>

#include "store/blob_store.h"
#include "store/key_value_store.h"

namespace modelfs {

struct Engine {
  std::unique_ptr<KeyValueStore> keys;
  std::unique_ptr<BlobStore> blobs;
};

}  // namespace modelfs
