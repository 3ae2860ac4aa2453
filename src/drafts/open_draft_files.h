// Who has which draft file open, and the one DraftFile that they share.
#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "drafts/draft_file.h"
#include "drafts/draft_handle_state.h"
#include "drafts/names_lock.h"

namespace modelfs {

// Safe for concurrent use.
class OpenDraftFiles {
 public:
  // `names` and what `context` names stay as long as this lives.
  OpenDraftFiles(NamesLock& names, const DraftFileContext& context) : names_(names), context_(context) {}

  // What DraftHashes::stored() has said of a file, for a caller that has asked.
  struct LookedUp {
    std::optional<DraftHash> hash;
  };
  // The shared state of a file, made where there is none that fits. What may be written is never a blob's file.
  Result<std::shared_ptr<DraftFile>> file_of(const NamesLock::Held& held, Ino ino, bool writes,
                                             const LookedUp* looked_up = nullptr) EXCLUDES(mutex_);
  // The same where somebody has it already; else none.
  std::shared_ptr<DraftFile> find(Ino ino) const EXCLUDES(mutex_);
  // `file` is to be found as long as anybody has it, also without a handle: one for all, or two would get bytes of
  // their own, or be hashed each by itself. Conflict: somebody has its inode open by another DraftFile.
  Status share(const std::shared_ptr<DraftFile>& file) EXCLUDES(mutex_);
  // Whoever opens `ino` next gets a new DraftFile.
  void detach(Ino ino) EXCLUDES(mutex_);
  // Has the workers hash `file`.
  void finalize_behind(const std::shared_ptr<DraftFile>& file) EXCLUDES(mutex_);

  // `handle` has `file` open from now on, until its release().
  void add(const DraftHandleState& handle, const std::shared_ptr<DraftFile>& file) EXCLUDES(mutex_);
  // The last one removes what has no name any more, the last writer's has the file hashed.
  void release(const DraftHandleState& handle, const std::shared_ptr<DraftFile>& file) EXCLUDES(mutex_);
  // True while somebody may still write it: has it open for writing, and has not closed it.
  bool has_writer(Ino ino) const EXCLUDES(mutex_);
  // Conflict: has_writer(); names the process.
  Status check_no_writer(Ino ino) const EXCLUDES(mutex_);
  // Waits until nobody has it open for writing. Busy: somebody has who has not closed it, or still has at `deadline`;
  // names it, as `name`, and the process.
  Status wait_for_release(Ino ino, const std::string& name, std::chrono::steady_clock::time_point deadline)
      EXCLUDES(mutex_);
  // Tells `follower` of what is written to the file in order. False: nobody has it open for writing, or it was not
  // written in order so far.
  bool follow(Ino ino, const std::shared_ptr<WriteListener>& follower) EXCLUDES(mutex_);

  // Adds to `batch` that `ino`, whose record is `dropped`, loses one name. What loses its last name goes, or becomes
  // nameless while it is open. `gone`: gets the host files to remove once that is committed.
  void drop_name(const NamesLock::Held& held, Ino ino, DraftRecord dropped, Batch& batch, std::vector<Ino>& gone)
      EXCLUDES(mutex_);
  // Removes `ino` if it has no name any more and nobody has it open.
  void remove_nameless(Ino ino) EXCLUDES(mutex_);

 private:
  struct User {
    const DraftHandleState* handle = nullptr;
    const DraftFile* file = nullptr;
  };
  struct Opened {
    std::weak_ptr<DraftFile> file;
    std::vector<User> users;
  };
  // Users that have it open for writing and have not closed it.
  const DraftHandleState* writer_of(Ino ino) const REQUIRES(mutex_);
  std::shared_ptr<DraftFile> current(Ino ino) const REQUIRES(mutex_);
  void keep_shared(const std::shared_ptr<DraftFile>& file) REQUIRES(mutex_);
  Result<std::shared_ptr<DraftFile>> make(Ino ino, bool writes, const LookedUp* looked_up) const;

  NamesLock& names_;
  const DraftFileContext context_;
  mutable Mutex mutex_;
  Condition released_;
  std::unordered_map<std::uint64_t, Opened> opens_ GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, std::weak_ptr<DraftFile>> shared_ GUARDED_BY(mutex_);  // also without a handle
  std::size_t shared_cleaned_at_ GUARDED_BY(mutex_) = 64;
};

}  // namespace modelfs
