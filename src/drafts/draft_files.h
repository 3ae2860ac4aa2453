// Opening the files of drafts.
#pragma once
#include <memory>

#include "base/status.h"
#include "drafts/draft_handle.h"

namespace modelfs {

// Safe for concurrent use. Outlives its handles.
class DraftFiles {
 public:
  // What `context` names, and `records`, stay as long as this lives.
  DraftFiles(const DraftHandleContext& context, const DraftRecords& records) : context_(context), records_(records) {}
  DraftFiles(const DraftFiles&) = delete;
  DraftFiles& operator=(const DraftFiles&) = delete;

  // Opens a regular file for the process `pid`; 0: for nobody who could be named. What may be written is no blob's
  // file. NotFound; InvalidArgument: not a regular file; Busy, Immutable (for writing): it is or was published.
  Result<std::unique_ptr<DraftHandle>> open(Ino ino, bool writes, pid_t pid);
  // Tells `follower` of what is written to the file in order. False: nobody has it open for writing, or it was not
  // written in order so far.
  bool follow(Ino ino, const std::shared_ptr<WriteListener>& follower);

 private:
  const DraftHandleContext context_;  // of the handles, too
  const DraftRecords& records_;
};

}  // namespace modelfs
