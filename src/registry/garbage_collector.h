// Gc: removes what nothing refers to any more.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/digest.h"
#include "base/mutex.h"
#include "base/status.h"
#include "registry/core.h"

namespace modelfs {

struct GcReport {
  std::uint64_t blobs_removed = 0;
  std::uint64_t bytes_freed = 0;
  std::uint64_t draft_files_removed = 0;
};

// Safe for concurrent use.
class GarbageCollector {
 public:
  explicit GarbageCollector(RegistryCore& core) : core_(core) {}

  using Sizes = std::unordered_map<Digest, std::uint64_t, DigestHash>;  // of blobs, in bytes

  // Removes blobs that nothing refers to and that are older than the grace time, and leftovers of drafts.
  Result<GcReport> collect() EXCLUDES(mutex_);
  // Removes those of these blobs that nothing refers to, however young they are. Reads once all that refers to blobs.
  Status drop(const std::vector<Digest>& digests) EXCLUDES(mutex_);
  // The same, with what came of it.
  Result<GcReport> remove_now(const Sizes& blobs) EXCLUDES(mutex_);
  // Begins, behind the caller, to remove what commits and discarded drafts have left.
  void sweep_later();
  // Waits until what earlier commits left to sweep is gone. Interrupted: see Registry::prepare_to_end().
  Status finish_sweeping();

 private:
  Result<GcReport> collect_alone() REQUIRES(mutex_);
  // Removes what drafts that are gone have left in the catalog, if it is much.
  void collect_candidates() EXCLUDES(mutex_);
  // Those of `candidates`, with their sizes, that nothing refers to. Between watch() and end_watch() of the pins.
  Result<GcReport> remove_unreferenced(const Sizes& candidates) REQUIRES(mutex_);
  Result<std::unordered_set<Digest, DigestHash>> referenced_blobs() const;

  RegistryCore& core_;
  Mutex mutex_;  // one at a time; no other lock is held when it is taken
};

}  // namespace modelfs
