// A draft that is being published.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "base/types.h"
#include "drafts/draft_inodes.h"
#include "drafts/draft_reclaimer.h"
#include "drafts/draft_records.h"
#include "drafts/names_lock.h"
#include "drafts/open_draft_files.h"
#include "drafts/sealed_file.h"

namespace modelfs {

// How long a commit waits for files that are closed but not yet released.
inline constexpr int kReleaseWaitMs = 1000;

// One file of a frozen draft.
struct FrozenEntry {
  std::uint32_t parent = 0;  // index into FrozenDraft::entries; the root's is 0
  std::string name;          // empty for the root
  Ino ino = kNoIno;
  DraftRecord record;
  std::uint64_t size_bytes = 0;
  std::uint64_t allocated_bytes = 0;
  TimeNs mtime{};
  bool named_outside = false;  // regular files: has a name outside the draft
  bool grafted = false;        // a file that lies elsewhere and joins the draft with its commit

  // Regular files whose hash is not a blob's, which the record has.
  bool has_own_bytes() const { return record.type == FileType::Regular && !record.borrows_whole(); }
};

// What was known of a file with bytes of its own when the draft was frozen. Nobody asks the store again.
struct FrozenHash {
  std::optional<DraftHash> hash;
  std::shared_ptr<DraftFile> file;  // where somebody has it, who may be hashing it
};

// What a frozen draft needs of the drafts. All of it outlives it.
struct FrozenDraftContext {
  NamesLock& names;
  const DraftRecords& records;
  const DraftInodes& inodes;
  OpenDraftFiles& opens;
  DraftReclaimer& reclaimer;
};

// A draft that nobody can change as long as this lives. Entry 0 is its root; a directory stands before what is in it.
// Used by one thread at a time.
class FrozenDraft {
 public:
  // `entries` were frozen by the caller.
  FrozenDraft(const FrozenDraftContext& context, std::vector<FrozenEntry> entries)
      : context_(context), entries_(std::move(entries)) {}
  ~FrozenDraft();
  FrozenDraft(const FrozenDraft&) = delete;
  FrozenDraft& operator=(const FrozenDraft&) = delete;

  const std::vector<FrozenEntry>& entries() const { return entries_; }
  std::string path_of(std::uint32_t index) const;
  // Where that file lies: a name in DraftStore::directory().
  std::string host_name(std::uint32_t index) const { return HostFiles::name_of(entries_[index].ino); }

  // Once nobody has one of its files open for writing any more: looks at their sizes and hashes.
  Status measure(const DraftHashes& hashes);
  // The hash of a regular file. Hashes what was not hashed yet, if `may_hash`; else Busy, naming the file.
  Result<DraftHash> hash(std::uint32_t index, bool may_hash);
  // Bytes of its files that have no hash yet; and those of them that are holes.
  std::uint64_t unhashed_bytes() const;
  std::uint64_t unhashed_hole_bytes() const;
  // Hashes its files behind, so that the next try finds them hashed.
  void hash_in_background();
  // The bytes of a regular file. TooLarge above `max_bytes`.
  Result<std::string> read(std::uint32_t index, std::size_t max_bytes) const;

  // A sealed file joins the draft as `name` at its top.
  Status graft(const SealedFile& file, std::string_view name);
  // The bytes of a small file beside the draft, which is frozen with it. Busy: it is open for writing. TooLarge above
  // `max_bytes`.
  Result<std::string> read_finished(Ino ino, std::size_t max_bytes);
  // Freezes with it the draft directory `beneath`, whose place it will take. Busy: that is being published. NotEmpty:
  // there is more in it than the draft itself and an empty `.stage`.
  Status freeze_replaced_dir(Ino beneath);

  // Adds to `batch` what takes the draft out of the drafts: its name goes now, its inodes are swept afterwards. A file
  // with a name outside goes on there with the bytes of the blob whose hash `hash_of(index)` is.
  Status retire(Ino directory, std::string_view name, Batch& batch,
                const std::function<ContentHash(std::uint32_t index)>& hash_of) const;
  // Adds to `batch` what takes the directory of freeze_replaced_dir(), which stands at `place`, out of the drafts.
  void retire_replaced_dir(const NamedAt& place, Batch& batch) const;
  // Says that the batch of retire() was committed: its inodes are dead from now on, and nobody opens them again.
  void mark_published();

 private:
  FrozenHash* known_of(const FrozenEntry& entry);
  const FrozenHash* known_of(const FrozenEntry& entry) const;
  Status hash_now(const FrozenEntry& entry, FrozenHash& known);
  Result<std::string> read_bytes(Ino ino, const OpenDraftFiles::LookedUp* looked_up, std::size_t max_bytes) const;

  const FrozenDraftContext context_;
  std::vector<FrozenEntry> entries_;
  std::unordered_map<std::uint64_t, FrozenHash> hashes_;  // by inode: a file may have several names in it
  std::vector<Ino> companions_;                           // outside, frozen with it
  Ino beneath_ = kNoIno;                                  // the directory whose place it takes
};

}  // namespace modelfs
