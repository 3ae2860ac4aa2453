// Archives that are made on the fly: never stored, their size known before anything is read, readable at random.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/archive_format.h"
#include "archive/write/read_window.h"
#include "archive/write/synthetic_entry.h"
#include "archive/write/zip_records.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// One member of an archive that is made on the fly.
struct ArchiveEntry {
  static constexpr std::uint32_t kRoot = ~std::uint32_t{0};

  std::string path;  // "sub/model.onnx", no leading or trailing slash; beneath the directory `in`
  FileType type = FileType::Regular;
  std::uint32_t mode = 0;  // permission bits
  TimeNs mtime{};
  std::uint64_t size_bytes = 0;          // regular files
  std::uint32_t crc32 = 0;               // of the bytes, regular files
  std::string target;                    // symlinks
  std::string attributes = {};           // records of append_attribute(); tar only
  std::uint32_t content = 0;             // the caller's number of its bytes, regular files
  std::optional<std::uint32_t> link_to;  // a hard link: index of an earlier regular file that is not one itself
  // Index of an earlier directory. Why not whole paths: of a million files in a deep directory they are gigabytes.
  std::uint32_t in = kRoot;
};

// Gives bytes of the content with this number; short only at its end.
using ContentReadAt =
    std::function<Result<std::size_t>(std::uint32_t content, std::uint64_t offset_bytes, ByteSpan into)>;

// A tar has times in nanoseconds and hard links, a zip whole seconds (zip_records.h) and a copy for each hard link.
// Both name no owner. A tar.gz holds that same tar uncompressed. The same list gives the same bytes, always.
//
// Immutable, safe for concurrent use. Costs 80 bytes a member beside its name and target; headers are made when read.
class ArchiveLayout {
 public:
  static constexpr std::size_t kPathBytesMax = 65'000;  // of a whole path or a target; zip says no more than 65,535

  // The order given is kept. A directory stands before what is in it and all that follows it directly: GNU tar would
  // give it another time otherwise. Unsupported: not Tar, TarGz or Zip.
  // InvalidArgument, NameTooLong: a path, target, link_to or in that is not as ArchiveEntry wants it. TooLarge: more
  // than 2^62 bytes.
  static Result<std::shared_ptr<const ArchiveLayout>> make(const std::vector<ArchiveEntry>& files,
                                                           ArchiveFormat format);

  std::uint64_t size_bytes() const { return size_bytes_; }
  // As much of [offset, offset + into.size()) as the archive has; short only at its end. Costs log(members) and what
  // is read; bytes of files go straight into `into`. Corrupt: a content is shorter than its file. What `content` fails
  // with is passed on.
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into, const ContentReadAt& content) const;
  // What this object costs in memory, for a cache's bound.
  std::size_t memory_bytes() const;

 private:
  struct Member {
    std::uint64_t offset_bytes = 0;          // of its header, in the tar or zip
    std::uint64_t central_offset_bytes = 0;  // zip: of its central header
    std::uint64_t size_bytes = 0;            // what follows the header
    TimeNs mtime{};
    std::uint64_t path_at = 0;    // in texts_
    std::uint64_t target_at = 0;  // in texts_; of a hard link: the number of its first member
    std::uint32_t header_bytes = 0;
    std::uint32_t crc32 = 0;
    std::uint32_t content = 0;
    std::uint32_t in = ArchiveEntry::kRoot;  // number of its directory
    std::uint16_t path_bytes = 0;
    std::uint16_t target_bytes = 0;
    std::uint16_t mode = 0;
    FileType type = FileType::Regular;
    bool is_hard_link = false;
  };
  class Maker;

  ArchiveLayout() = default;
  // A member's whole texts, made when they are asked for.
  struct Texts {
    std::string path;
    std::string target;
  };
  std::string path_of(const Member& member) const;
  // Views `texts`, which it fills.
  SyntheticEntry entry(const Member& member, Texts& texts) const;
  Status read_container(std::uint64_t offset_bytes, ByteSpan into, const ContentReadAt& content) const;
  Status read_member(const Member& member, const ReadWindow& window, const ContentReadAt& content) const;
  Status read_data(const Member& member, std::uint64_t from, ByteSpan into, const ContentReadAt& content) const;
  void read_central_directory(const ReadWindow& window) const;
  SyntheticDirectory directory() const { return {members_.size(), members_end_, central_end_ - members_end_}; }

  ArchiveFormat format_ = ArchiveFormat::Tar;
  std::uint64_t size_bytes_ = 0;
  std::uint64_t container_bytes_ = 0;  // of the tar or zip
  std::uint64_t members_end_ = 0;      // where the last member ends in it
  std::uint64_t central_end_ = 0;      // Zip: where the central directory ends in it
  std::uint32_t crc32_ = 0;            // TarGz: of the tar
  std::vector<Member> members_;        // by offset
  std::string texts_;
  // By the member's number. Why beside them: few have any.
  std::map<std::uint32_t, std::string> attributes_;
};

// What make() would say of size_bytes(), for a list that make() accepts; without keeping anything.
std::uint64_t archive_size_bytes(const std::vector<ArchiveEntry>& files, ArchiveFormat format);

}  // namespace modelfs
