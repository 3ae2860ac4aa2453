// The files of one release or generation, as they were committed.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// An extended attribute, with its full name ("user.origin").
struct Attribute {
  std::string name;
  std::string value;
  bool operator==(const Attribute&) const = default;
};

// One file, directory or symlink of a package.
struct ManifestEntry {
  std::uint32_t parent = 0;       // index of the directory it stands in; the root's parent is the root
  std::uint32_t first_child = 0;  // directories: the children are the child_count entries from here, sorted by name
  std::uint32_t child_count = 0;
  FileType type = FileType::Regular;
  std::uint32_t mode = 0;        // permission bits, 07777
  std::uint32_t link_count = 1;  // derived: of a file, entries with its ino; of a directory, 2 + subdirectories
  Ino ino = kNoIno;
  TimeNs mtime{};
  std::uint64_t size_bytes = 0;       // regular files; symlinks: bytes of the target
  std::uint64_t allocated_bytes = 0;  // regular files: what the disk spends on it (holes are not counted)
  ContentHash hash;                   // regular files
  std::string name;                   // empty for the root
  std::string target;                 // symlinks
  std::vector<Attribute> attributes;  // files and directories: sorted by name, each once
};

// Immutable, safe for concurrent use. Entry 0 is the root directory; entries stand in breadth-first order, so the
// children of a directory are neighbours and a look-up in a directory of n names costs log n comparisons.
class Manifest {
 public:
  static constexpr std::uint32_t kRoot = 0;

  // Corrupt: not the bytes that encode() makes.
  static Result<std::shared_ptr<const Manifest>> decode(std::string_view bytes);
  std::string encode() const;

  const std::vector<ManifestEntry>& entries() const { return entries_; }
  const ManifestEntry& at(std::uint32_t index) const { return entries_[index]; }
  // The child `name` of the directory `directory`.
  std::optional<std::uint32_t> child(std::uint32_t directory, std::string_view name) const;
  // The entry at a path such as "variables/a.bin"; "" is the root. NotFound, NotADirectory.
  Result<std::uint32_t> find(std::string_view path) const;
  // The path of an entry from the root: "variables/a.bin"; "" for the root.
  std::string path_of(std::uint32_t index) const;

  // The digest of a package: names, types, x bits and bytes; not times, not other mode bits. Equal content, equal
  // digest.
  const Digest& content_digest() const { return content_digest_; }
  std::uint64_t file_count() const { return file_count_; }    // regular files
  std::uint64_t total_bytes() const { return total_bytes_; }  // hash of their sizes
  // What this object costs in memory, for a cache's bound.
  std::size_t memory_bytes() const { return memory_bytes_; }

 private:
  friend class ManifestBuilder;
  Manifest() = default;
  void derive();  // fills what encode() does not write

  std::vector<ManifestEntry> entries_;
  Digest content_digest_;
  std::uint64_t file_count_ = 0;
  std::uint64_t total_bytes_ = 0;
  std::size_t memory_bytes_ = 0;
};

// Collects entries in any order in which a directory comes before what is in it, and sorts them.
class ManifestBuilder {
 public:
  // The root directory (name, parent and children are ignored).
  explicit ManifestBuilder(ManifestEntry root);
  // Adds an entry under the directory that add() called `parent` (0: the root); returns its number for its own
  // children. The numbers are this builder's, not the manifest's indices. Names in a directory are different and pass
  // check_file_name.
  std::uint32_t add(std::uint32_t parent, ManifestEntry entry);
  // Leaves the builder empty.
  std::shared_ptr<const Manifest> build();

 private:
  std::vector<ManifestEntry> entries_;  // parent: the builder's number
};

// The digest of a release: of its package, and of the generations 1, 2, … that came with it. Without any it is that of
// the package.
Digest digest_of_release(const Digest& package, const std::vector<Digest>& generations);

}  // namespace modelfs
