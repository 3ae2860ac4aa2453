#include "mount/operations.h"

#include "mount/mount_context.h"
#include "mount/passthrough.h"

namespace modelfs {
namespace {

// Background requests that the kernel may have in progress: read-ahead, direct reads, RELEASE. Why fewer than threads:
// however slow the disk is, two threads are left for requests that a program waits for, such as stat(2).
constexpr unsigned kBackgroundMax = kFuseThreads - 2;

// What we negotiate for the connection. No writeback cache: it would keep written bytes from the daemon, which hashes
// them, and excludes passthrough reads. No locks of ours: the kernel's own serve all processes of this machine.
void on_init(void* served, fuse_conn_info* connection) {
  constexpr unsigned kWanted = FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO  //
                               | FUSE_CAP_ATOMIC_O_TRUNC                 // open() is told, and nothing is cut twice
                               | FUSE_CAP_PARALLEL_DIROPS                //
                               | FUSE_CAP_CACHE_SYMLINKS;                // a link with a new target is a new node
  // Not wanted, by leaving it out: WRITEBACK_CACHE (we hash what is written, in the order it is written),
  // AUTO_INVAL_DATA (the bytes of a node change only through it), EXPORT_SUPPORT, the LOCKS, HANDLE_KILLPRIV (the
  // kernel clears setuid bits itself, but for writes without pages: see FileSystem::write).
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
  connection->want_ext = connection->capable_ext & kWanted;  // `want` is its former name
#else
  connection->want = connection->capable & kWanted;
#endif
  static_cast<const MountContext*>(served)->passthrough.negotiate(*connection);
  connection->max_write = kRequestBytesMax;
  connection->max_readahead = kRequestBytesMax;
  connection->max_background = kBackgroundMax;
  connection->congestion_threshold = kBackgroundMax;
}

}  // namespace

fuse_lowlevel_ops operations() {
  fuse_lowlevel_ops table{};
  table.init = on_init;
  add_name_operations(table);
  add_attribute_operations(table);
  add_file_operations(table);
  add_directory_operations(table);
  return table;
}

}  // namespace modelfs
