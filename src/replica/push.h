// A store on one disk becomes a registry that many hosts share.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "store/blob_store.h"
#include "store/key_value_store.h"
#include "store/remote.h"

namespace modelfs {

struct PushProgress {
  std::uint64_t blobs_done = 0;
  std::uint64_t blobs_total = 0;
  std::uint64_t bytes_done = 0;  // of those that were uploaded by this call
};

// All that is published in the store of `keys` and `blobs` goes to `remote`: names, ids, history, labels, what is in
// the trash, and its bytes. Drafts stay. The registry gets the id of the store, and appears when all else is there; so
// a push that was interrupted is gone on with by the next one: what was uploaded is remembered in `keys` (`f/`).
// `goes_on` is asked now and then; false: Interrupted. `patience` is for each object without an answer.
// AlreadyExists: a registry lies there, and is another one. Ok also where this store was pushed before. Corrupt: a blob
// that is referred to is missing or damaged; says which. Nothing may be written to the store meanwhile.
Status push_store(KeyValueStore& keys, const BlobStore& blobs, Remote& remote, const std::string& store_id,
                  std::chrono::milliseconds patience, const std::function<bool(const PushProgress&)>& goes_on);

}  // namespace modelfs
