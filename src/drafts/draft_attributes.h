// The attributes of drafts: what chmod, chown, truncate, utimes and the calls for extended attributes do.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"
#include "drafts/draft_inodes.h"
#include "drafts/draft_records.h"
#include "drafts/names_lock.h"
#include "drafts/open_draft_files.h"

namespace modelfs {

// What setattr changes; empty members stay.
struct DraftChange {
  std::optional<std::uint32_t> mode;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::optional<std::uint64_t> size_bytes;
  std::optional<TimeNs> atime, mtime;
};

// What setxattr(2) may do: either, make a new one only, or change one that is there.
enum class AttributeMode { Set, Create, Replace };

// Largest value of an extended attribute. Source: XATTR_SIZE_MAX of Linux.
inline constexpr std::size_t kAttributeBytesMax = 65536;

// Safe for concurrent use.
class DraftAttributes {
 public:
  // All stay as long as this lives.
  DraftAttributes(NamesLock& names, const DraftRecords& records, const DraftInodes& inodes, OpenDraftFiles& opens)
      : names_(names), records_(records), inodes_(inodes), opens_(opens) {}

  // `given_up`: as for DraftHandle::flush(), where a new size makes it hash the file. NotFound, Busy, Immutable.
  Result<DraftInode> setattr(Ino ino, const DraftChange& change, const DraftFile::GivenUp& given_up = {});

  Result<std::string> getxattr(Ino ino, std::string_view name) const;  // NoAttribute
  Result<std::vector<std::string>> listxattr(Ino ino) const;
  // TooLarge above kAttributeBytesMax; AlreadyExists, NoAttribute: by `mode`; NotFound, Busy, Immutable.
  Status setxattr(Ino ino, std::string_view name, std::string_view value, AttributeMode mode);
  Status removexattr(Ino ino, std::string_view name);  // NoAttribute, NotFound, Busy, Immutable

 private:
  // Changes the record. The file whose size or times are to be set as well; none: that was all.
  Result<std::shared_ptr<DraftFile>> change_record(Ino ino, const DraftChange& change);
  Status set_size(DraftFile& file, std::uint64_t size_bytes, const DraftFile::GivenUp& given_up);

  NamesLock& names_;
  const DraftRecords& records_;
  const DraftInodes& inodes_;
  OpenDraftFiles& opens_;
};

}  // namespace modelfs
