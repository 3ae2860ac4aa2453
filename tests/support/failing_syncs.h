// fdatasync(2) that fails when a test wants it to, also for RocksDB. Included by one file of a test program at most.
#pragma once
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace modelfs {

// How many of the next calls of fdatasync(2) fail with EIO.
inline std::atomic<int> failing_syncs = 0;

}  // namespace modelfs

// Instead of the C library's.
extern "C" int fdatasync(int fd) {
  if (modelfs::failing_syncs.load() > 0 && modelfs::failing_syncs.fetch_sub(1) > 0) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}
