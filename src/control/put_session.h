// A put: a private draft that a client fills over the socket, and that becomes a release or goes away.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/context.h"
#include "control/copy_content.h"
#include "control/message.h"
#include "ingest/unpacking.h"
#include "registry/registry.h"

namespace modelfs {

// Used by one thread at a time. `context` outlives it.
class PutSession {
 public:
  // Makes the draft in the domain's `.stage`, and the domain, if there is none, as mkdir(1) would: owned by `who`, mode
  // 0755. Denied: `who` may not publish into the domain, or make one. AlreadyExists is not checked here: the same
  // content may be published again.
  // `archive`: the suffix of the one file that is sent and is to be unpacked; empty: what is sent is published as it
  // is.
  static Result<std::unique_ptr<PutSession>> begin(ControlContext& context, const Credentials& who, Target target,
                                                   const std::string& archive = "");
  // The metadata document of what will be published.
  void set_metadata(std::string document) { metadata_ = std::move(document); }
  // Removes the draft, and the domain if it was made for it, unless it was published.
  ~PutSession();
  PutSession(const PutSession&) = delete;
  PutSession& operator=(const PutSession&) = delete;

  // Adds the entries that `message` lists, with their bytes and descriptors. Entries are numbered 1, 2, 3, … in the
  // order they are sent; 0 is the root. Malformed: the message contradicts itself. Errors of the draft; messages name
  // the entry. `proceed` is asked while files are copied, with the bytes copied of the whole message.
  Status add(Message& message, const Proceed& proceed);
  // Bytes of the entry that was announced with "content": "chunks"; it must be complete before anything else is sent.
  Status write(std::uint64_t offset_bytes, std::string_view bytes);
  Status end_chunks();

  // Gives the root its mode and time, directories their times, and publishes. The draft is gone afterwards, either way.
  Result<Published> commit(std::uint32_t root_mode, TimeNs root_mtime);

  // Removes a draft with everything in it.
  static Status discard(DraftStore& drafts, Ino directory, const std::string& name);
  // Removes the drafts of interrupted puts in a store that no other process has open.
  static Status discard_all(Registry& registry);

 private:
  struct Wanted;
  struct Entry {
    Ino ino = kNoIno;
    FileType type = FileType::Regular;
    std::optional<TimeNs> mtime;  // directories: set when all is in them
  };
  struct Pending {
    std::unique_ptr<DraftHandle> handle;
    Ino ino = kNoIno;
    std::string name;
    std::uint64_t size_bytes = 0;
    TimeNs mtime{};
  };

  PutSession(ControlContext& context, Credentials who, Target target);
  Status make_draft(Ino stage);
  Status add_one(const Wanted& wanted, Message& message, const Proceed& proceed);
  Status add_file(const Wanted& wanted, Message& message, const Proceed& proceed);
  Status fill(const Wanted& wanted, Message& message, const Proceed& proceed, DraftHandle& handle);
  Result<Published> publish();
  Status finish_file(Ino ino, std::string_view name, TimeNs mtime, DraftHandle& handle);

  ControlContext& context_;
  const Credentials who_;
  const Target target_;
  std::string archive_;  // suffix
  std::optional<std::string> metadata_;
  std::unique_ptr<UnpackingBehind> behind_;
  Ino stage_ = kNoIno;
  std::string name_;  // of the draft in stage_; empty: no draft
  bool made_domain_ = false;
  std::vector<Entry> entries_;
  std::optional<Pending> pending_;
  std::size_t bytes_taken_ = 0;  // of the message that is being added
  std::size_t descriptors_taken_ = 0;
  std::uint64_t bytes_copied_ = 0;
};

}  // namespace modelfs
