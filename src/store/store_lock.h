// Who may use a store, and whether it is one: the files LOCK and FORMAT of its directory.
#pragma once
#include <sys/types.h>

#include <string>

#include "base/file.h"
#include "base/status.h"
#include "store/store_format.h"

namespace modelfs {

enum class CreateMode {
  OpenOnly,
  CreateIfAbsent,  // a directory that is absent or empty becomes a store
};

// Who uses a store, as other processes see it.
enum class StoreUse {
  Unknown,  // LOCK is not there, or not ours to read
  None,
  Held,  // by a process that cannot be seen from here: of another machine, or another pid namespace
  Live,
  Stopped,  // by SIGSTOP or a debugger: it does not answer until it is resumed
  // A process that was killed and cannot end: one of its threads waits in the kernel for a process that waits for an
  // answer of the killed one. Aborting its connection to the kernel (umount -f) ends both.
  Killed,
};
StoreUse use_of(const std::string& store_path);

// The process that holds the lock of a store; 0: none, or not one of this machine that can be seen from here.
pid_t process_using(const std::string& store_path);

// The process that holds the lock of a store, as it describes itself ("pid 7"); empty: none has. For people.
std::string holder_of(const std::string& store_path);

// The right to use a store: one process at a time, until the value is destroyed or the process dies. On a read-only
// disk, where it cannot be changed from here, several processes may read it at once; a process that uses the same store
// through a writable mount excludes them, and they exclude it.
class StoreLock {
 public:
  // `store_path` may be a symlink to a directory. An interrupted creation is completed by the next one.
  // NotFound: there is nothing, and it was not to be created.
  // Denied: the directory belongs to another user, or others could change the store in it.
  // InvalidArgument: the directory is not a store; nothing was written.  Unsupported: a store of a newer version.
  // Corrupt: FORMAT is damaged.  Busy: another process holds the lock; the message names it.
  static Result<StoreLock> acquire(const std::string& store_path, CreateMode mode);

  // The store's directory; everything in it is reached from here.
  int directory() const { return directory_.fd(); }
  // A UUID4, given at creation and never changed.
  const std::string& id() const { return format_.id; }
  // What FORMAT says now. A store that needs an upgrade gets it before anything else is done in it
  // (registry/upgrade.h).
  const StoreFormat& format() const { return format_; }
  // The disk is read-only: the store can be read, and nothing in it can be written.
  bool is_read_only() const { return is_read_only_; }
  // Durably says that the store follows this remote. IoError, NoSpace: FORMAT is as it was.
  Status follow(const std::string& remote);
  // Durably says that an upgrade to kStoreVersion is under way: no modelfs that knows only the earlier version opens
  // the store from now on. Then that it has ended. Either may be repeated. IoError, NoSpace: FORMAT is as it was.
  Status begin_upgrade();
  Status end_upgrade();

 private:
  StoreLock(File directory, File lock, bool is_read_only, StoreFormat format)
      : directory_(std::move(directory)),
        lock_(std::move(lock)),
        is_read_only_(is_read_only),
        format_(std::move(format)) {}

  File directory_;
  File lock_;  // none: the disk is read-only, and the store has none
  bool is_read_only_ = false;
  StoreFormat format_;
};

}  // namespace modelfs
