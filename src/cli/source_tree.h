// A directory of the user's that is to be published: what is in it, before any of it is sent.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

struct SourceEntry {
  std::size_t in = 0;  // number of its directory; 0 is the root
  FileType type = FileType::Regular;
  std::string name;
  std::string path;        // from the root, for opening and for messages
  std::uint32_t mode = 0;  // permission bits
  TimeNs mtime{};
  std::uint64_t size_bytes = 0;             // files
  std::string target;                       // symlinks
  std::optional<std::size_t> same_file_as;  // a further name of that entry (hard link)
};

// Entry 0 is the root; a directory comes before what is in it, names in order.
struct SourceTree {
  File root;
  std::vector<SourceEntry> entries;
  std::uint64_t file_count = 0;
  std::uint64_t total_bytes = 0;
};

// Something beneath a directory that is open, by its path from there, which has no symlink in it; empty: the directory.
struct BeneathRoot {
  std::shared_ptr<const File> root;
  std::string path;
};

// Never follows a symlink, not even one that is put there meanwhile, and never leaves `root`. `path` empty: `root`
// itself.
Result<File> open_beneath(int root, const std::string& path, int flags);

// Walks `path`, a directory or a symlink to one, without following any symlink in it.
// NotFound, NotADirectory. Unsupported: a fifo, device or socket. IllegalName: a name that is not UTF-8. Malformed:
// deeper, or by longer paths, than may be published. Messages name the path.
Result<SourceTree> scan_tree(const std::string& path);
// The same for a directory that is known already; `path` is what messages call it.
Result<SourceTree> scan_tree(const BeneathRoot& place, const std::string& path);

// The archive `path`, a regular file or a symlink to one, as the only entry of its directory.
Result<SourceTree> scan_archive(const std::string& path);
Result<SourceTree> scan_archive(const BeneathRoot& place, const std::string& path);

// Opens a regular file of the tree for reading. Unsupported: something else stands there by now.
Result<File> open_in_tree(const SourceTree& tree, const SourceEntry& entry);

}  // namespace modelfs
