#include "drafts/draft_store.h"

#include "base/disk_refusal.h"

namespace modelfs {

DraftStore::DraftStore(int dir, KeyValueStore& keys, BlobStore& blobs, InoAllocator& inos, BlobPins& pins,
                       const Options& options)
    : records_(keys),
      hosts_(dir),
      hashes_(keys),
      space_(DraftSpace::of_directory(dir), options.reserve_bytes),
      references_(names_, records_, blobs, pins, candidates_),
      inodes_(records_, hosts_),
      opens_(names_, {hosts_, records_, hashes_, space_, references_, shutdown_, workers_}),
      tree_({names_, records_, inodes_, hosts_, opens_, references_, candidates_, inos}),
      attributes_(names_, records_, inodes_, opens_),
      files_({names_, opens_, references_, space_}, records_),
      reclaimer_({names_, records_, hosts_, opens_, candidates_, shutdown_}),
      freezer_({names_, records_, inodes_, opens_, reclaimer_}, hashes_),
      sealer_(names_, records_, opens_) {}

Result<std::unique_ptr<DraftStore>> DraftStore::open(int dir, KeyValueStore& keys, BlobStore& blobs, InoAllocator& inos,
                                                     BlobPins& pins, const Options& options) {
  std::unique_ptr<DraftStore> store(new DraftStore(dir, keys, blobs, inos, pins, options));
  if (options.read_only) return store;
  if (Status status = store->clear_what_is_left(); !status.ok()) return status;
  return store;
}

Status DraftStore::clear_what_is_left() {
  if (Status status = references_.keep_empty_blob(); !status.ok()) return status;
  if (Status status = unless_disk_refuses(hashes_.forget_after_reboot()); !status.ok()) return status;
  if (Status status = unless_disk_refuses(reclaimer_.remove_nameless()); !status.ok()) return status;
  return reclaimer_.find_unswept();
}

}  // namespace modelfs
