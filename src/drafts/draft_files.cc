#include "drafts/draft_files.h"

namespace modelfs {

Result<std::unique_ptr<DraftHandle>> DraftFiles::open(Ino ino, bool writes, pid_t pid) {
  const NamesLock::Held held(context_.names);
  if (writes) {
    if (Status status = held.check_unfrozen({ino}); !status.ok()) return status;
  }
  const auto found = records_.inode(ino);
  if (!found.ok()) return found.status();
  if (found->type != FileType::Regular) return Status(Code::InvalidArgument, "not a regular file");
  auto file = context_.opens.file_of(held, ino, writes);
  if (!file.ok()) return file.status();
  return std::make_unique<DraftHandle>(context_, std::move(*file), writes, pid);
}

bool DraftFiles::follow(Ino ino, const std::shared_ptr<WriteListener>& follower) {
  return context_.opens.follow(ino, follower);
}

}  // namespace modelfs
