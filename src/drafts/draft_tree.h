// The names of drafts: what mkdir, link, unlink and rename do.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"
#include "drafts/blob_references.h"
#include "drafts/draft_inodes.h"
#include "drafts/draft_records.h"
#include "drafts/gc_candidates.h"
#include "drafts/host_files.h"
#include "drafts/ino_allocator.h"
#include "drafts/names_lock.h"
#include "drafts/open_draft_files.h"

namespace modelfs {

// What a new draft inode is made of.
struct NewDraft {
  FileType type = FileType::Regular;
  Ownership owner;
  std::string target;  // symlinks, at most kSymlinkBytesMax
};

// Longest target of a symlink. Source: PATH_MAX of Linux, which counts the NUL.
inline constexpr std::size_t kSymlinkBytesMax = 4095;

// What the tree needs of the drafts. All of it outlives it.
struct DraftTreeContext {
  NamesLock& names;
  const DraftRecords& records;
  const DraftInodes& inodes;
  const HostFiles& hosts;
  OpenDraftFiles& opens;
  const BlobReferences& references;
  GcCandidates& candidates;
  InoAllocator& inos;
};

// Safe for concurrent use.
// Any inode number may hold draft names: those of committed places (a domain, a release) hold the drafts laid over
// them.
class DraftTree {
 public:
  explicit DraftTree(const DraftTreeContext& context) : context_(context) {}

  // NotFound: no draft inode of that number.
  Result<DraftInode> stat(Ino ino) const { return context_.inodes.stat(ino); }
  // NotFound: `directory` holds no draft of that name.
  Result<DraftEntry> lookup(Ino directory, std::string_view name) const {
    return context_.records.entry(directory, name);
  }
  Result<std::vector<DraftName>> list(Ino directory) const { return context_.records.list(directory); }
  // Where the draft directory `directory` is named. NotFound.
  Result<NamedAt> name_of(Ino directory) const { return context_.records.name_of(directory); }
  // When draft names last came or went in a committed place; 0: never.
  TimeNs names_changed(Ino place) const;
  // True for the inodes of a draft that was published and is not swept yet.
  bool is_dead(Ino ino) const { return context_.names.is_dead(ino); }

  // AlreadyExists, IllegalName, NameTooLong, InvalidArgument, NoSpace, Busy (being published), NotFound (the directory
  // was removed).
  Result<DraftInode> make(Ino directory, std::string_view name, const NewDraft& fresh);
  Result<DraftInode> link(Ino file, Ino directory, std::string_view name);
  Status unlink(Ino directory, std::string_view name);
  // `check` is asked before, while a commit that holds the directory to be removed (hold_directory) would make this
  // fail: whether something lies in it that is no draft.
  Status rmdir(Ino directory, std::string_view name, const std::function<Status()>& check = nullptr);
  // rename(2); `replace` false: AlreadyExists if the target exists.
  Status rename(Ino directory, std::string_view name, Ino new_directory, std::string_view new_name, bool replace);
  Status exchange(Ino directory, std::string_view name, Ino other_directory, std::string_view other_name);

  // Makes every name and attribute so far durable.
  Status sync_names();
  // Moves the times of a committed place whose names have changed in the catalog.
  void touch_place(Ino place);
  // Sets the owner and mode of a committed place that has no record of its own in the catalog (the root).
  Status set_place_owner(Ino place, const Ownership& owner);
  // Adds to `batch` that the draft directory is there when it is committed (else that is a Conflict), and that its
  // names change. NotFound.
  Status hold_directory(Ino directory, Batch& batch) const;

 private:
  // Ok: `name` is free in `directory`. AlreadyExists.
  Status check_free(Ino directory, std::string_view name) const;
  Status check_parent(Ino directory) const;
  Status check_no_cycle(Ino moved, Ino new_directory) const;
  // Adds to `batch` that what is named by `target`, as `name`, makes way for `source`. NotADirectory, IsADirectory,
  // NotEmpty, Busy.
  Status make_way(const NamesLock::Held& held, const DraftEntry& source, const DraftEntry& target,
                  std::string_view name, Batch& batch, std::vector<Ino>& gone) const;

  const DraftTreeContext context_;
};

}  // namespace modelfs
