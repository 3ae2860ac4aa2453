#include "mount/request_counts.h"

#include <linux/fuse.h>

#include <cstring>

namespace modelfs {
namespace {

struct Kind {
  fuse_opcode number;
  const char* name;
};

// In the order in which they are shown. What the kernel does not ask us for, by what we have agreed with it, is left
// out.
constexpr Kind kKnown[] = {{FUSE_INIT, "init"},
                           {FUSE_LOOKUP, "lookup"},
                           {FUSE_FORGET, "forget"},
                           {FUSE_BATCH_FORGET, "batch_forget"},
                           {FUSE_GETATTR, "getattr"},
                           {FUSE_SETATTR, "setattr"},
                           {FUSE_READLINK, "readlink"},
                           {FUSE_GETXATTR, "getxattr"},
                           {FUSE_LISTXATTR, "listxattr"},
                           {FUSE_SETXATTR, "setxattr"},
                           {FUSE_REMOVEXATTR, "removexattr"},
                           {FUSE_STATFS, "statfs"},
                           {FUSE_OPEN, "open"},
                           {FUSE_CREATE, "create"},
                           {FUSE_READ, "read"},
                           {FUSE_WRITE, "write"},
                           {FUSE_LSEEK, "lseek"},
                           {FUSE_FALLOCATE, "fallocate"},
                           {FUSE_FSYNC, "fsync"},
                           {FUSE_FLUSH, "flush"},
                           {FUSE_RELEASE, "release"},
                           {FUSE_OPENDIR, "opendir"},
                           {FUSE_READDIR, "readdir"},
                           {FUSE_READDIRPLUS, "readdirplus"},
                           {FUSE_FSYNCDIR, "fsyncdir"},
                           {FUSE_RELEASEDIR, "releasedir"},
                           {FUSE_MKDIR, "mkdir"},
                           {FUSE_MKNOD, "mknod"},
                           {FUSE_SYMLINK, "symlink"},
                           {FUSE_LINK, "link"},
                           {FUSE_UNLINK, "unlink"},
                           {FUSE_RMDIR, "rmdir"},
                           {FUSE_RENAME, "rename"},
                           {FUSE_RENAME2, "rename2"},
                           {FUSE_INTERRUPT, "interrupt"}};

}  // namespace

void RequestCounts::count(const void* request, std::size_t size_bytes) {
  fuse_in_header header{};
  if (size_bytes < sizeof header) return;
  std::memcpy(&header, request, sizeof header);
  counts_[header.opcode < kKinds ? header.opcode : 0].fetch_add(1, std::memory_order_relaxed);
}

std::vector<std::pair<std::string, std::uint64_t>> RequestCounts::by_kind() const {
  std::vector<std::pair<std::string, std::uint64_t>> counts;
  for (const Kind& kind : kKnown) {
    const std::uint64_t count = counts_[kind.number].load(std::memory_order_relaxed);
    if (count != 0) counts.emplace_back(kind.name, count);
  }
  return counts;
}

}  // namespace modelfs
