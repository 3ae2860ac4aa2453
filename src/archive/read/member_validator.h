// Validates the members of an archive. One validator for all formats: the readers only translate, and everything that
// reaches the sink has passed through here.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "archive/read/archive_contract.h"
#include "archive/read/member_tree.h"

namespace modelfs {

enum class MemberKind : std::uint8_t { Regular, Directory, Symlink, HardLink, Device, Fifo, Socket, Other };

// A member as the archive has it, unchecked.
struct RawMember {
  std::string_view path;
  MemberKind kind = MemberKind::Other;
  std::string_view link;   // a symlink's target, or the path of what a hard link names
  std::uint32_t mode = 0;  // 07777
  std::int64_t mtime_s = 0;
  std::int64_t mtime_ns = 0;       // of the second
  std::uint64_t size_bytes = 0;    // of a regular file
  std::uint64_t stored_bytes = 0;  // of those, without holes
  std::vector<MemberAttribute> attributes = {};
};

// "Malformed: models/a.bin: <why>".
Status refuse_member(std::string_view path, std::string_view why);

// TooLarge when `unpacked` bytes are more than `packed` bytes may expand to.
Status check_expansion(const ArchiveLimits& limits, std::uint64_t unpacked, std::uint64_t packed);

// Counts what is no zeros in the bytes that come out of an archive. Used by one thread.
class FilledBytes {
 public:
  explicit FilledBytes(const ArchiveLimits& limits) : limits_(limits) {}
  // TooLarge when there are more than may come out of `packed` bytes.
  Status add(ByteView bytes, std::uint64_t packed);

 private:
  const ArchiveLimits& limits_;
  std::uint64_t count_ = 0;
};

// Used by one thread. After a Status that is not Ok it is of no more use.
class MemberValidator {
 public:
  MemberValidator(const ArchiveLimits& limits, ArchiveSink& sink) : limits_(limits), sink_(sink) {}

  // A member begins. What is refused:
  //   names    absolute, empty, with "..", NUL, not UTF-8, over-long.
  //            "." and empty components are removed; a directory of which nothing is left ("/", "./", "") is the root.
  //   kinds    all but regular files, directories, symlinks and hard links.
  //   modes    set-user-id and set-group-id of files. Else only 0777 is kept: set-group-id and the sticky bit
  //            of a directory mean nothing in a release, which never changes.
  //   times    outside of what nanoseconds in 64 bits can hold (years 1677 to 2262). Not clamped: times are exact.
  //   links    hard links to anything but an earlier file or symlink (then it is a symlink again);
  //            absolute symlinks.
  //   places   the same name twice, but for a directory with the same mode and time; a name below something that is
  //            not a directory.
  Status begin(const RawMember& raw);
  // Bytes of the regular file that begin() announced: offsets only grow.
  Status write(std::uint64_t offset_bytes, ByteView bytes);
  // The regular file is complete. `packed_bytes` of the archive have been used up so far.
  Status end(std::uint64_t packed_bytes);
  // The archive is complete. Checks the symlinks, whose targets may have followed them.
  Status finish();

 private:
  Status split(std::string_view path, std::vector<std::string_view>& into) const;
  Status check_kind(const RawMember& raw) const;
  Status check_symlink(const RawMember& raw) const;
  Status check_attributes(const RawMember& raw) const;
  Result<TimeNs> time_of(const RawMember& raw) const;
  Result<std::uint32_t> directory_of(const RawMember& raw);
  Result<std::uint32_t> linked_file(const RawMember& raw);
  Status describe(const RawMember& raw, std::uint32_t number, std::string_view name, TimeNs mtime);
  Status add(const RawMember& raw, std::uint32_t parent, TimeNs mtime);
  Status room_for(std::string_view name, std::string_view target) const;

  const ArchiveLimits& limits_;
  ArchiveSink& sink_;
  MemberTree tree_;
  std::vector<std::string_view> parts_;       // of the current member
  std::vector<std::string_view> link_parts_;  // of what it links to
  std::string path_;                          // of the current file
  std::uint64_t file_bytes_ = 0;              // its size
  std::uint64_t file_next_ = 0;               // where its next bytes may begin
  std::uint64_t unpacked_bytes_ = 0;          // all files that have ended
};

}  // namespace modelfs
