// What the store remembers of a draft beside the bytes of its files. Layout in catalog/FORMAT.md.
#pragma once
#include <time.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// The bytes of a blob, or of its start.
struct DraftBlobBytes {
  ContentHash hash;  // the blob's
  std::uint64_t size_bytes = 0;
  std::uint64_t allocated_bytes = 0;
  bool is_whole = true;
};

// n/<ino>. A regular file's size, mtime and blocks are its host file's, unless its bytes are a blob's.
struct DraftRecord {
  // Why not defined here: clang 14 then refuses std::optional of it.
  using BlobBytes = DraftBlobBytes;
  FileType type = FileType::Regular;
  Ownership owner;
  std::uint32_t link_count = 1;   // files and symlinks: names; directories: 2 + subdirectories
  Ino parent = kNoIno;            // directories
  TimeNs atime{};                 // directories and symlinks
  TimeNs mtime{};                 // directories and symlinks
  TimeNs ctime{};                 // all; a file shows the later of this and its host file's
  std::string target;             // symlinks
  std::optional<BlobBytes> blob;  // regular files: the bytes are these until the first change; no host file

  bool borrows_whole() const { return blob && blob->is_whole; }
  std::string encode() const;
  static Result<DraftRecord> decode(std::string_view bytes);
};

// c/<ino>: the hash of a file's bytes. Absent while they are being written; dropped when the machine was rebooted,
// because power loss may keep newer bytes than records.
struct DraftHash {
  std::uint64_t size_bytes = 0;
  ContentHash hash;
  bool damaged = false;  // its fsync failed once: the bytes may be lost, so they cannot be published

  std::string encode() const;
  static Result<DraftHash> decode(std::string_view bytes);
};

// For futimens(2).
timespec to_timespec(TimeNs time);

// e/<directory><name>
struct DraftEntry {
  Ino ino = kNoIno;
  FileType type = FileType::Regular;

  std::string encode() const;
  static Result<DraftEntry> decode(std::string_view bytes);
};

}  // namespace modelfs
