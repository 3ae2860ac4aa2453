// Removing drafts, and giving back what commits left of theirs.
#pragma once
#include <functional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "base/types.h"
#include "drafts/draft_records.h"
#include "drafts/gc_candidates.h"
#include "drafts/host_files.h"
#include "drafts/names_lock.h"
#include "drafts/open_draft_files.h"
#include "drafts/shutdown.h"

namespace modelfs {

// What reclaiming needs of the drafts. All of it outlives it.
struct DraftReclaimerContext {
  NamesLock& names;
  const DraftRecords& records;
  const HostFiles& hosts;
  OpenDraftFiles& opens;
  GcCandidates& candidates;
  const Shutdown& shutdown;
};

// Safe for concurrent use.
class DraftReclaimer {
 public:
  explicit DraftReclaimer(const DraftReclaimerContext& context) : context_(context) {}

  // At the start: removes the files that had lost their last name while they were open.
  Status remove_nameless();
  // At the start: what the last process has not swept is swept next.
  Status find_unswept();

  // Takes a draft directory nobody knows out of the drafts, whole; its space comes back with the next sweep().
  Status discard(Ino directory, std::string_view name);
  // Adds to `batch` what takes a file out of the drafts; file_retired() gives its space back once that is committed.
  Status retire_file(Ino directory, std::string_view name, Ino ino, Batch& batch);
  void file_retired(Ino ino) { context_.opens.remove_nameless(ino); }
  // The next sweep() removes the directory `root`, which has no name any more, with what is in it.
  void sweep_later(Ino root) EXCLUDES(queue_mutex_);
  // Removes the inodes and host files of everything retired so far. Runs at idle times; Ok when nothing is left.
  // Interrupted: the end came first, and the next start goes on.
  Status sweep() EXCLUDES(sweep_mutex_, queue_mutex_);

  // Digests that drafts refer to: gc keeps them.
  Status for_each_blob(const std::function<void(const Digest&)>& visit) const;
  // As GcCandidates::take().
  std::unordered_map<Digest, std::uint64_t, DigestHash> take_gc_candidates() { return context_.candidates.take(); }
  // Removes host files that no draft inode knows. Returns how many.
  Result<std::uint64_t> remove_orphans();

 private:
  Status sweep_root(Ino root);
  // Sweeps what is no directory of names[first …], at most kSweepBatchNames, in one batch.
  Status sweep_names(Ino directory, const std::vector<DraftName>& names, std::size_t first);
  Status sweep_directories(Ino root, const std::vector<Ino>& directories);

  const DraftReclaimerContext context_;
  Mutex sweep_mutex_;  // one sweep at a time; taken before all other locks of the drafts
  Mutex queue_mutex_;  // leaf lock
  // Why kept beside the keys: a scan for them would pass by all that were swept lately.
  std::vector<Ino> queue_ GUARDED_BY(queue_mutex_);
};

}  // namespace modelfs
