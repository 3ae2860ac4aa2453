#include "drafts/draft_sealer.h"

namespace modelfs {

Result<std::unique_ptr<SealedFile>> DraftSealer::seal(Ino ino) {
  auto file = freeze(ino);
  if (!file.ok()) return file.status();
  return SealedFile::seal(names_, std::move(*file));
}

Result<std::shared_ptr<DraftFile>> DraftSealer::freeze(Ino ino) {
  const NamesLock::Held held(names_);
  if (Status status = held.check_unfrozen({ino}); !status.ok()) return status;
  const auto found = records_.inode(ino);
  if (!found.ok()) return found.status();
  if (found->type != FileType::Regular) return Status(Code::InvalidArgument, "not a regular file");
  auto file = opens_.file_of(held, ino, false);
  if (!file.ok()) return file.status();
  if (Status status = opens_.check_no_writer(ino); !status.ok()) return status;
  held.freeze(ino);
  return file;
}

}  // namespace modelfs
