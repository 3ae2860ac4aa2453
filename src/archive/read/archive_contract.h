// What reading an archive needs and gives: its limits, where its bytes come from, and who receives its members.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// How the refusal begins of an archive that ends before it is complete.
inline constexpr std::string_view kTruncatedArchive = "the archive is truncated";

// Limits on what one archive may hold; options of the mount.
struct ArchiveLimits {
  // Entries of the tree: members, and the directories that they imply.
  std::uint64_t members = 1'000'000;
  // All files together, holes included, and for the tar formats also the tar itself with its headers.
  std::uint64_t unpacked_bytes = 4ull << 40;
  // unpacked : packed bytes, judged once more than ratio_floor_bytes are unpacked. Why 1100: deflate cannot exceed
  // 1032 : 1 (source: zlib.net/zlib_tech.html), so no gzip or zip is refused for its zeros: an optimizer's fresh state
  // is nothing else. What lies above are zstd, whose ratio has no bound, and holes, which cost as much as other bytes
  // when a file is hashed or read.
  std::uint64_t ratio = 1100;
  // The same for the bytes in blocks that are not all zeros. Why 500: so much of one pattern is a bomb, which deflate
  // would let through; weights that are all ones are few beside others.
  std::uint64_t filled_ratio = 500;
  std::uint64_t ratio_floor_bytes = 256ull << 20;
  // A member's path, and a symlink's target. Source: PATH_MAX of Linux.
  std::size_t path_bytes = 4096;
  std::size_t depth = 128;
  // All names and symlink targets together: they are kept until the archive has been read.
  std::uint64_t text_bytes = 64ull << 20;
};

// Where an archive's bytes come from. Used by one thread at a time, which need not be the caller's of read_archive.
class ArchiveSource {
 public:
  virtual ~ArchiveSource() = default;
  // Fills `into` as far as the archive goes; short only at its end. May block until bytes that are still being written
  // are there.
  virtual Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) = 0;
  // The archive's size; may block until it is known.
  virtual Result<std::uint64_t> size_bytes() = 0;
  // True: whatever was read has been judged, and only more of it leads on. False: something is left to judge. Called by
  // any thread, and under a lock; true at first.
  virtual void judge_waits(bool waits) { (void)waits; }
  // What the first `bytes` hold has been judged, and is no fault.
  virtual void judged(std::uint64_t bytes) { (void)bytes; }
  // Nothing more is read: a read_at() that blocks fails. Called by any thread.
  virtual void stop_reading() {}
};

// An extended attribute of a member, with its full name ("user.origin").
struct MemberAttribute {
  // Source: XATTR_NAME_MAX, XATTR_SIZE_MAX of Linux.
  static constexpr std::size_t kNameBytesMax = 255;
  static constexpr std::size_t kValueBytesMax = 65536;

  std::string name;
  std::string value;
};

// One validated member of an archive. Numbers are given in the order of appearance: 1, 2, 3, … without gaps. 0 is the
// root, for which begin() is never called.
struct ArchiveMember {
  std::uint32_t number = 0;
  std::uint32_t parent = 0;  // parent < number, and a directory
  std::string name;          // one checked path component; empty for the root
  FileType type = FileType::Regular;
  bool implied = false;                  // a directory that no member has named yet (mode and mtime unset)
  std::optional<std::uint32_t> link_to;  // a hard link: the number of an earlier regular file that is none
  std::string target;                    // of a symlink
  std::uint32_t mode = 0;                // at most 0777
  TimeNs mtime{};
  std::uint64_t size_bytes = 0;  // of a regular file, holes included; 0 for a hard link
  // Of those, what the archive says to have bytes for: at least as many as will be written.
  std::uint64_t stored_bytes = 0;
  // Of files and directories, of tars: those of the namespace user, but for user.modelfs.
  std::vector<MemberAttribute> attributes = {};
};

// Receives the members. A Status that is not Ok ends the reading and is its result.
// Called by the thread that called read_archive. Views are valid during the call only.
class ArchiveSink {
 public:
  virtual ~ArchiveSink() = default;
  // A regular file that is no hard link is followed by write()s and end(), everything else by nothing.
  virtual Status begin(const ArchiveMember& member) = 0;
  // Offsets grow and nothing overlaps; ranges left out are holes. `bytes` is not empty and ends within size_bytes.
  virtual Status write(std::uint64_t offset_bytes, ByteView bytes) = 0;
  virtual Status end(std::uint64_t size_bytes) = 0;
  // A member names a directory that was implied so far (tar may list children first), or the root: its mode and mtime.
  virtual Status describe(const ArchiveMember& directory) = 0;
};

}  // namespace modelfs
