// Uploads: files that are written under the name of an archive or marker. Each is its writer's own until a close
// publishes it.
#pragma once
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "ingest/unpacking.h"
#include "layout/create_rule.h"
#include "registry/registry.h"

namespace modelfs {

struct MountUpload {
  std::optional<Target> target;  // what its close publishes, where that is known
  std::string suffix;
  Ino file = kNoIno;  // the draft file
  // What its writer calls it.
  Ino parent = kNoIno;
  std::string name = {};
  std::string parent_path = {};  // of `parent`, beneath the mount point, where a client's layout shows things in it
  // Where the draft lies.
  Ino directory = kNoIno;
  std::string draft_name = {};
  pid_t creator = 0;  // the process that sees the name; 0: nobody does
  // A Package or Tag is written into the draft directory `beside`, which is called `stem` in the place `above`. For
  // those of modelstore's layout see CreateRule.
  CreateRule::Upload kind = CreateRule::Upload::Archive;
  Ino beside = kNoIno;
  Ino above = kNoIno;  // Model: the directory in which the archive's path begins
  std::string stem = {};
  std::string base_path = {};             // Model: of `above`
  std::optional<DomainName> domain = {};  // modelstore's: none for a state of all domains
  Ino seen_as = kNoIno;                   // the node that its writer has open, if that is not the file's

  // What it is, for people.
  std::string str() const;
  // The directory in which people find its file.
  std::string kept_in() const;
};

// Safe for concurrent use.
class PendingUploads {
 public:
  void add(MountUpload upload) EXCLUDES(mutex_);
  // What unpacks it behind its writer; goes with it.
  void follow(Ino file, std::unique_ptr<UnpackingBehind> behind) EXCLUDES(mutex_);
  std::unique_ptr<UnpackingBehind> take_follower(Ino file) EXCLUDES(mutex_);
  // Stays as long as the caller's Decision and a handle of the file. Null: none.
  UnpackingBehind* follower(Ino file) const EXCLUDES(mutex_);
  // An open or a close of a handle. True if the close was the last one.
  void opened(Ino file) EXCLUDES(mutex_);
  bool released(Ino file) EXCLUDES(mutex_);

  // Held by the close that decides about an upload.
  class Decision {
   public:
    Decision(PendingUploads& uploads, Ino file) : uploads_(uploads), file_(file) {}
    ~Decision();
    Decision(const Decision&) = delete;
    Decision& operator=(const Decision&) = delete;

   private:
    PendingUploads& uploads_;
    const Ino file_;
  };
  // Waits for another close that decides about the same file. Null: it is no upload any more, so it was published or
  // removed.
  std::unique_ptr<Decision> decide(Ino file) EXCLUDES(mutex_);

  std::optional<MountUpload> find(Ino file) const EXCLUDES(mutex_);
  // The upload that the process of `thread` sees under this name.
  std::optional<MountUpload> named(Ino parent, std::string_view name, pid_t thread) const EXCLUDES(mutex_);

  // Why the last close was refused, if nothing was written since (`changes` counts that).
  std::optional<Status> refusal(Ino file, std::uint64_t changes) const EXCLUDES(mutex_);
  // A close was refused: the name is free again, the file stays a draft. `goes_on`: its writer still sees it under that
  // name as long as he lives, and may write the rest.
  void refuse(Ino file, std::uint64_t changes, Status why, bool goes_on) EXCLUDES(mutex_);
  // The process that may go on with a file that was refused; none where that is over, or was not allowed.
  std::optional<pid_t> resting_writer(Ino file) const EXCLUDES(mutex_);
  // It was published, or it is gone.
  void remove(Ino file) EXCLUDES(mutex_);
  // Its name was removed: it goes at once where nobody has it open, else with its last handle.
  void unlinked(Ino file) EXCLUDES(mutex_);

 private:
  struct Item {
    MountUpload upload;
    unsigned handles = 0;
    bool is_being_decided = false;
    std::uint64_t refused_changes = 0;
    std::optional<Status> refusal = std::nullopt;
    bool goes_on = false;
    std::unique_ptr<UnpackingBehind> behind = nullptr;
  };
  // Forgets those that rest and whose writer has ended.
  void forget_abandoned() EXCLUDES(mutex_);

  mutable Mutex mutex_;  // leaf lock
  Condition decided_;    // a decision has ended
  std::unordered_map<std::uint64_t, Item> items_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
