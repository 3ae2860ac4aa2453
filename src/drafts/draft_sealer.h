// Sealing: what a close that publishes does to the one file that was closed.
#pragma once
#include <memory>

#include "base/status.h"
#include "drafts/draft_records.h"
#include "drafts/names_lock.h"
#include "drafts/open_draft_files.h"
#include "drafts/sealed_file.h"

namespace modelfs {

// Safe for concurrent use.
class DraftSealer {
 public:
  // All stay as long as this and its files live.
  DraftSealer(NamesLock& names, const DraftRecords& records, OpenDraftFiles& opens)
      : names_(names), records_(records), opens_(opens) {}

  // Seals the regular file `ino` and hashes it. Conflict: somebody has it open for writing, whose close is still to
  // come. Busy: it is being published, or the end came first (Shutdown::check_not_over()). Others: SealedFile::seal().
  Result<std::unique_ptr<SealedFile>> seal(Ino ino);

 private:
  // The file, which is frozen.
  Result<std::shared_ptr<DraftFile>> freeze(Ino ino);

  NamesLock& names_;
  const DraftRecords& records_;
  OpenDraftFiles& opens_;
};

}  // namespace modelfs
