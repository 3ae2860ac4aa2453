#include "drafts/draft_hashes.h"

#include <fcntl.h>

#include "base/file.h"
#include "catalog/keys.h"

namespace modelfs {

Result<std::string> boot_id() {
  auto file = open_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY);
  if (!file.ok()) return file.status();
  return read_all(file->fd(), 128);
}

Status DraftHashes::forget_after_reboot() {
  const MutexLock lock(mutex_);
  if (!are_stale_) return {};
  const Status status = forget_if_rebooted();
  if (status.ok()) are_stale_ = false;
  return status;
}

Status DraftHashes::forget_if_rebooted() {
  const auto current = boot_id();
  const auto stored = keys_.get(keys::kBootId);
  if (!stored.ok() && stored.code() != Code::NotFound) return stored.status();
  if (current.ok() && stored.ok() && *current == *stored) return {};
  Batch batch;
  if (stored.ok()) batch.erase_prefix("c/");
  batch.put(keys::kBootId, current.ok() ? *current : std::string("unknown"));
  return keys_.commit(batch, Durability::Buffered, SpaceNeed::Reclaims);
}

std::optional<DraftHash> DraftHashes::stored(Ino ino) const {
  if (are_stale_) return std::nullopt;
  const auto value = keys_.get(keys::draft_hash(ino));
  if (!value.ok()) return std::nullopt;
  const auto hash = DraftHash::decode(*value);
  return hash.ok() ? std::optional(*hash) : std::nullopt;
}

Status DraftHashes::remember(Ino ino, const DraftHash& hash) {
  if (Status status = forget_after_reboot(); !status.ok()) return status;
  Batch batch;
  batch.put(keys::draft_hash(ino), hash.encode());
  return keys_.commit(batch, Durability::Buffered, SpaceNeed::Reclaims);
}

Status DraftHashes::forget(Ino ino) {
  Batch batch;
  batch.erase(keys::draft_hash(ino));
  return keys_.commit(batch, Durability::Buffered, SpaceNeed::Reclaims);
}

}  // namespace modelfs
