// An open draft file, as a client has it.
#pragma once
#include <memory>
#include <optional>

#include "base/status.h"
#include "drafts/draft_file.h"
#include "drafts/draft_handle_state.h"
#include "drafts/open_draft_files.h"

namespace modelfs {

// What handles need of the drafts. All of it outlives them.
struct DraftHandleContext {
  NamesLock& names;
  OpenDraftFiles& opens;
  const BlobReferences& references;
  DraftSpace& space;
};

// Destroying the handle is the release. Methods may be called from several threads.
class DraftHandle {
 public:
  DraftHandle(const DraftHandleContext& context, std::shared_ptr<DraftFile> file, bool writes, pid_t pid);
  ~DraftHandle();
  DraftHandle(const DraftHandle&) = delete;
  DraftHandle& operator=(const DraftHandle&) = delete;

  DraftFile& file() const { return *file_; }
  bool writes() const { return handle_.writes(); }
  // The first write to a fresh file, of few bytes, makes them a blob in the catalog, to which the file refers, so that
  // a commit finds them stored and hashed. All others go to the host file.
  Status write(std::uint64_t offset_bytes, ByteView bytes);
  Status allocate(int mode, std::uint64_t offset_bytes, std::uint64_t length_bytes);
  // One close(2) of a descriptor: the handle is closing until it is written again. The last writer's close settles the
  // file; when `given_up` says that the closer is gone, that is left to who publishes it.
  Status flush(const DraftFile::GivenUp& given_up = {});
  // Copies [offset, offset + count) of a blob into the same place of the file, without moving a byte: the file borrows
  // them. The caller has a pin on the blob. Conflict: the file does not hold exactly what stands before them in the
  // blob, or somebody is changing it; copy them. Busy: it is being published. Corrupt: the blob is damaged.
  Status borrow(const Digest& blob, std::uint64_t offset_bytes, std::uint64_t count_bytes);

 private:
  // Nothing: that cannot be done; write them to the host file.
  std::optional<Status> write_small(ByteView bytes);

  const DraftHandleContext& context_;
  const std::shared_ptr<DraftFile> file_;
  DraftHandleState handle_;
};

}  // namespace modelfs
