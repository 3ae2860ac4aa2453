// What a draft inode shows.
#pragma once
#include <cstdint>

#include "drafts/draft_records.h"
#include "drafts/host_files.h"

namespace modelfs {

// A draft inode as it is presented.
struct DraftInode {
  Ino ino = kNoIno;
  DraftRecord record;
  std::uint64_t size_bytes = 0;
  std::uint64_t blocks = 0;  // of 512 bytes
  TimeNs atime{}, mtime{}, ctime{};
};

// Safe for concurrent use.
class DraftInodes {
 public:
  // Both stay as long as this lives.
  DraftInodes(const DraftRecords& records, const HostFiles& hosts) : records_(records), hosts_(hosts) {}

  // NotFound: no draft inode of that number.
  Result<DraftInode> stat(Ino ino) const;
  // The same for who has its record already.
  Result<DraftInode> present(Ino ino, DraftRecord record) const;

 private:
  const DraftRecords& records_;
  const HostFiles& hosts_;
};

}  // namespace modelfs
