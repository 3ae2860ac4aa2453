// The file system calls of objects in a shared directory: made under a temporary name, linked to their own, removed.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <string>

#include "base/file.h"
#include "base/types.h"

namespace modelfs {

// Safe for concurrent use, also by other hosts.
class SharedDirectory {
 public:
  // No object is called so.
  static constexpr const char* kTemporaries = "~tmp";
  // A temporary file that nobody has written to for so long is of somebody who ended.
  static constexpr std::chrono::hours kTemporaryAgeMax{24};

  enum class Linked : std::uint8_t { Now, Already };

  // A file under a temporary name, which it loses in the end.
  class Temporary {
   public:
    Temporary(const SharedDirectory& directory, std::string name, File file)
        : directory_(&directory), name_(std::move(name)), file_(std::move(file)) {}
    ~Temporary();
    Temporary(Temporary&& other) noexcept = default;
    Temporary& operator=(Temporary&&) = delete;
    const std::string& name() const { return name_; }
    int fd() const { return file_.fd(); }

   private:
    const SharedDirectory* directory_;
    std::string name_;
    File file_;  // none: moved from
  };

  // Codes as open_shared_dir_remote().
  static Result<SharedDirectory> open(const std::string& path);

  const std::string& path() const { return path_; }
  int fd() const { return root_.fd(); }
  // As mount(8) calls its file system; empty: unknown.
  const std::string& type() const { return type_; }

  // Its bytes are for the caller to write and to sync.
  Result<Temporary> make_temporary() const;

  // Gives the file, which is synced, this name as well, durably. Unsettled: an answer was lost, and whether it has the
  // name is not known. Every other failure: it has not.
  Result<Linked> link(const Temporary& temporary, const std::string& name) const;

  // An absent one is Ok.
  Status remove(const std::string& name) const;

  // The directory of `name`, synced: what is in it stays.
  Status sync_parent(const std::string& name) const;

  // What the clock of those who keep the files says.
  Result<TimeNs> clock() const;

 private:
  SharedDirectory() = default;
  Status look_at_root();
  Status make_parents(const std::string& name) const;
  Status make_directory(const std::string& name) const;
  // What failed with `error`, and perhaps has taken place.
  Result<Linked> judge(const Temporary& temporary, const std::string& name, int error) const;
  void sweep() const;

  std::string path_;
  std::string type_;
  File root_;
  mode_t mode_ = 0;  // of the root, without its type
};

// A failed call on what hosts share: Unavailable where its server did not answer.
Status shared_failure(int error, const std::string& what);

// Unsupported: a mount of NFS with these options answers for a while that a name is absent which another host has made.
Status check_nfs_options(const std::string& path, const std::string& options);

}  // namespace modelfs
