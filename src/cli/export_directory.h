// The directory that an export writes into: adds what is missing, and changes nothing that is there.
#pragma once
#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/status.h"

namespace modelfs {

// What became of a file.
enum class Kept {
  Written,    // it was missing
  Same,       // it was there with these bytes
  Different,  // something else has its name, and was not changed
};

// The bytes of a file that is to be written, from its start to its end.
struct ExportBytes {
  std::uint64_t size_bytes = 0;
  // Those at `offset`, as many as one read returns; none: the end was reached too early.
  std::function<Result<std::string>(std::uint64_t offset)> read;
};
ExportBytes export_text(std::string_view text);

// One component each, below the directory. Every one is a name that check_file_name() takes, or the call fails.
using ExportPath = std::vector<std::string>;

// Used by one thread. No symlink below the directory is followed, so that nothing is written outside. A file has its
// name only when it is whole and synced.
class ExportDirectory {
 public:
  // `path` is made if it is missing (its parent is not), with the modes that the process's umask gives now. Busy:
  // another export writes there. IllegalName: a path that is not UTF-8, which no document could name.
  static Result<std::unique_ptr<ExportDirectory>> open(const std::string& path);

  // Absolute, as the original clients name their root.
  const std::string& path() const { return path_; }

  Result<Kept> write(const ExportPath& path, const ExportBytes& bytes);
  // The same without writing; Written: it is missing.
  Result<Kept> look(const ExportPath& path, const ExportBytes& bytes) const;
  // A small file; nullopt: it is missing, or no regular file.
  Result<std::optional<std::string>> read(const ExportPath& path) const;
  // A directory, whole or not at all. `fill` makes it at the place that it is given, which nothing has yet. Written, or
  // Different: something has the name already.
  Result<Kept> write_tree(const ExportPath& path, const std::function<Status(const std::string& place)>& fill);
  // Takes the place of what `path` names, at once.
  Status replace(const ExportPath& path, std::string_view text);
  // The directory `path`, made if it is missing. NotADirectory: something else has a name on the way.
  Result<File> directory(const ExportPath& path);
  // Everything that was written, with its names.
  Status sync() const;

 private:
  ExportDirectory(std::string path, File root, mode_t mask)
      : path_(std::move(path)), root_(std::move(root)), mask_(mask) {}
  Result<Kept> compare(int parent, const std::string& name, const ExportBytes& bytes) const;
  Result<File> find_directory(const ExportPath& path) const;
  Status write_beside(int parent, const ExportBytes& bytes) const;

  const std::string path_;
  const File root_;
  const mode_t mask_;
};

}  // namespace modelfs
