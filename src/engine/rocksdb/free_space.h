// How much may still be written to a disk.
#pragma once
#include <sys/statvfs.h>

#include <cerrno>
#include <cstdint>

#include "base/status.h"

namespace modelfs {

// What a process without privileges may still write to the file system of `fd`.
inline Result<std::uint64_t> free_bytes(int fd) {
  struct statvfs space {};
  if (::fstatvfs(fd, &space) != 0) return Status::from_errno(errno, "statvfs of the store");
  return std::uint64_t{space.f_bavail} * space.f_frsize;
}

}  // namespace modelfs
