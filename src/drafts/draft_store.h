// Drafts: what is being written. Names, owners and attributes are keys of the store, as are the bytes of small files;
// those of others are plain host files drafts/<xx>/<ino>. So a draft survives whatever the daemon does not, and a
// commit takes names and files over in one batch.
#pragma once
#include <memory>

#include "base/status.h"
#include "base/thread_pool.h"
#include "content/blob_pins.h"
#include "drafts/blob_references.h"
#include "drafts/draft_attributes.h"
#include "drafts/draft_files.h"
#include "drafts/draft_freezer.h"
#include "drafts/draft_hashes.h"
#include "drafts/draft_inodes.h"
#include "drafts/draft_reclaimer.h"
#include "drafts/draft_records.h"
#include "drafts/draft_sealer.h"
#include "drafts/draft_space.h"
#include "drafts/draft_tree.h"
#include "drafts/gc_candidates.h"
#include "drafts/host_files.h"
#include "drafts/ino_allocator.h"
#include "drafts/names_lock.h"
#include "drafts/open_draft_files.h"
#include "drafts/shutdown.h"
#include "store/blob_store.h"
#include "store/key_value_store.h"

namespace modelfs {

// Owns the parts that drafts consist of, and gives out those that others use. Safe for concurrent use, as is each part.
class DraftStore {
 public:
  struct Options {
    // Below so much free space files stop growing, so that there is room to remove them.
    std::uint64_t reserve_bytes = 0;
    // Nothing is written: what an end has left stays.
    bool read_only = false;
  };

  // `dir` is the directory drafts/ of the store and stays open as long as this lives, as do `keys`, `blobs`, `inos` and
  // `pins`.
  // Clears what the last process left half-done, but for what DraftReclaimer::sweep() does; not what the disk refuses
  // to have cleared.
  static Result<std::unique_ptr<DraftStore>> open(int dir, KeyValueStore& keys, BlobStore& blobs, InoAllocator& inos,
                                                  BlobPins& pins, const Options& options);
  DraftStore(const DraftStore&) = delete;
  DraftStore& operator=(const DraftStore&) = delete;

  // Where host files lie: HostFiles::name_of().
  int directory() const { return hosts_.directory(); }
  DraftTree& tree() { return tree_; }
  const DraftTree& tree() const { return tree_; }
  DraftAttributes& attributes() { return attributes_; }
  DraftFiles& files() { return files_; }
  DraftFreezer& freezer() { return freezer_; }
  DraftSealer& sealer() { return sealer_; }
  DraftReclaimer& reclaimer() { return reclaimer_; }
  DraftSpace& space() { return space_; }
  Shutdown& shutdown() { return shutdown_; }

 private:
  DraftStore(int dir, KeyValueStore& keys, BlobStore& blobs, InoAllocator& inos, BlobPins& pins,
             const Options& options);
  Status clear_what_is_left();

  NamesLock names_;
  Shutdown shutdown_;
  const DraftRecords records_;
  const HostFiles hosts_;
  DraftHashes hashes_;
  DraftSpace space_;
  GcCandidates candidates_;
  BlobReferences references_;
  const DraftInodes inodes_;
  OpenDraftFiles opens_;
  DraftTree tree_;
  DraftAttributes attributes_;
  DraftFiles files_;
  DraftReclaimer reclaimer_;
  DraftFreezer freezer_;
  DraftSealer sealer_;
  ThreadPool workers_{"sum", 2};  // last: its work uses all of the above
};

}  // namespace modelfs
