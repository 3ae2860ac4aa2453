// The host files of drafts: drafts/<xx>/<ino> for each draft file whose bytes are not a blob's.
#pragma once
#include <sys/stat.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Safe for concurrent use; who makes or removes the file of one inode sees to it that nobody else does so meanwhile.
class HostFiles {
 public:
  // `dir` is the directory drafts/ of the store and stays open as long as this lives.
  explicit HostFiles(int dir) : dir_(dir) {}

  int directory() const { return dir_; }
  // Where the bytes of `ino` lie: a name in directory().
  static std::string name_of(Ino ino);

  // As the kernel tells; NotFound: there is none.
  Result<struct stat> stat(Ino ino) const;
  Result<File> create(Ino ino) const;
  // A new file in place of any other: of what an earlier try has left, or of a blob's other name.
  Result<File> replace(Ino ino) const;
  Result<File> open(Ino ino, bool writes) const;
  // Gives a file that is also a blob's (its commit failed after the link, or a crash came) bytes of its own. Copies
  // them first, so it may take long.
  Status unshare(Ino ino) const;
  // What cannot be removed is logged and left to for_each().
  void remove(const std::vector<Ino>& gone) const;

  // One file in directory().
  struct Found {
    std::optional<Ino> ino;  // none: an unshare() that never ended has left it
    std::string name;
  };
  Status for_each(const std::function<void(const Found&)>& visit) const;
  // True: it is gone.
  bool remove_left(const Found& found) const;

 private:
  const int dir_;
};

}  // namespace modelfs
