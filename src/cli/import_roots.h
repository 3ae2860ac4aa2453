// Where an import may read. What it takes over was written by others, so no path in a document and no symlink leads it
// anywhere but beneath the directory that was given, and beneath roots that the caller names.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "cli/source_tree.h"

namespace modelfs {

// Safe for concurrent use.
class ImportRoots {
 public:
  // NotFound, NotADirectory and what else open(2) says: one of them cannot be opened; the message names it.
  static Result<ImportRoots> open(const std::string& source, const std::vector<std::string>& more);

  // Where `path` leads once its symlinks are followed. Denied: outside of all roots; the message says what to do.
  // NotFound: it leads nowhere.
  Result<BeneathRoot> find(const std::filesystem::path& path) const;
  // All of a regular file that find() finds. TooLarge: above `max_bytes`. Unsupported: it is something else.
  Result<std::string> read(const std::filesystem::path& path, std::size_t max_bytes) const;

 private:
  struct Root {
    std::filesystem::path real;
    std::shared_ptr<const File> directory;
  };
  std::vector<Root> roots_;
};

}  // namespace modelfs
