// The hashes of draft files that are stored beside them: c/<ino>.
#pragma once
#include <atomic>
#include <optional>

#include "base/mutex.h"
#include "base/status.h"
#include "base/types.h"
#include "drafts/draft_record.h"
#include "store/key_value_store.h"

namespace modelfs {

// Which boot of the machine this is.
Result<std::string> boot_id();

// Safe for concurrent use.
class DraftHashes {
 public:
  // `keys` stays as long as this lives.
  explicit DraftHashes(KeyValueStore& keys) : keys_(keys) {}

  // After a reboot: hashes of before may be of bytes that were lost, so they are all forgotten. Until this has
  // succeeded no stored hash is believed, and remember() tries it again.
  Status forget_after_reboot() EXCLUDES(mutex_);

  // Nothing: none is stored, or none that can be believed.
  std::optional<DraftHash> stored(Ino ino) const;
  Status remember(Ino ino, const DraftHash& hash);
  Status forget(Ino ino);

 private:
  Status forget_if_rebooted();

  KeyValueStore& keys_;
  Mutex mutex_;                         // leaf lock, held across the commit that forgets
  std::atomic<bool> are_stale_ = true;  // cleared with mutex_ held
};

}  // namespace modelfs
