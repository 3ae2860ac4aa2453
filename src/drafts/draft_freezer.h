// Freezing a draft for its commit.
#pragma once
#include <memory>
#include <vector>

#include "base/status.h"
#include "drafts/draft_hashes.h"
#include "drafts/frozen_draft.h"

namespace modelfs {

// Safe for concurrent use. Outlives what it has frozen.
class DraftFreezer {
 public:
  // What `context` names, and `hashes`, stay as long as this lives.
  DraftFreezer(const FrozenDraftContext& context, const DraftHashes& hashes) : context_(context), hashes_(hashes) {}

  // Freezes the draft directory `root`. Waits, bounded by kReleaseWaitMs, for files that are closed but not yet
  // released. Busy: a file is open for writing (names it and the process), or the draft is being published already.
  Result<std::unique_ptr<FrozenDraft>> freeze(Ino root);

 private:
  // The draft, whose entries are frozen.
  Result<std::unique_ptr<FrozenDraft>> take(Ino root);
  // Appends what is below entry 0, breadth first.
  Status collect(std::vector<FrozenEntry>& entries) const;

  const FrozenDraftContext context_;
  const DraftHashes& hashes_;
};

}  // namespace modelfs
