// A second process beside the daemon, which tells the kernel to forget names.
//
// Why: the kernel takes the lock of the directory for it (fuse_reverse_inval_entry of fs/fuse/dir.c,
// Linux 6.18), which may be held by a process that waits for an answer of the daemon. A daemon that is killed then
// could not end: its thread cannot be woken, /dev/fuse stays open, no request gets an answer, and everything in the
// mount hangs. Here the daemon ends, the kernel fails what the daemon had taken on (fuse_dev_release of fs/fuse/dev.c),
// this process refuses the requests that had not been read yet, so the lock is released; and with the process the
// connection ends. That fails when both are killed at once: then `modelfs umount` helps.
#pragma once
#include <sys/types.h>

#include <string>

#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Safe for concurrent use.
class EntryInvalidator {
 public:
  // Starts the process, which keeps no descriptor of the caller and leaves its session. If it cannot be started,
  // forget() fails. Call it while there is one thread only.
  EntryInvalidator();
  // Ends the process. Not while forget() is under way.
  ~EntryInvalidator();
  EntryInvalidator(const EntryInvalidator&) = delete;
  EntryInvalidator& operator=(const EntryInvalidator&) = delete;

  // Returns when the kernel has been told, on the connection that `device` is (an open /dev/fuse that is mounted).
  // Waits for requests that look at or change names in `directory`. Whether the kernel knew the name does not matter.
  // An error: the kernel may not have been told.
  Status forget(int device, Ino directory, const std::string& name) EXCLUDES(mutex_);

 private:
  Mutex mutex_;                     // leaf lock
  File socket_ GUARDED_BY(mutex_);  // none: there is no process
  pid_t process_ = -1;
};

}  // namespace modelfs
