#include "control/copy_content.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/names.h"

namespace modelfs {
namespace {

// A piece of a file that may hold something else than zeros.
struct Extent {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// The next data at or after `from`, below `size`; empty when only a hole follows.
Extent next_data(int file, std::uint64_t from, std::uint64_t size) {
  const off_t begin = ::lseek(file, static_cast<off_t>(from), SEEK_DATA);
  if (begin < 0)
    return errno == ENXIO ? Extent{size, size} : Extent{from, size};  // EINVAL: it cannot say, so all is data
  const off_t end = ::lseek(file, begin, SEEK_HOLE);
  const std::uint64_t first = std::min(static_cast<std::uint64_t>(begin), size);
  return {first, end < 0 ? size : std::min(static_cast<std::uint64_t>(end), size)};
}

bool is_same(const struct stat& before, const struct stat& after) {
  return before.st_size == after.st_size && before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
         before.st_mtim.tv_nsec == after.st_mtim.tv_nsec;
}

Status changed(std::string_view name) {
  return {Code::Busy, "'" + printable(name) + "' changed while it was read; publish it when no process writes to it"};
}

Status named(const Status& status, std::string_view name) {
  return {status.code(), "'" + printable(name) + "': " + status.message()};
}

Status copy_extent(int source, DraftHandle& into, Extent extent, ByteSpan buffer, std::string_view name) {
  const std::size_t size_bytes =
      static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), extent.end - extent.begin));
  const auto got = read_at(source, extent.begin, buffer.first(size_bytes));
  if (!got.ok()) return named(got.status(), name);
  if (*got < size_bytes) return changed(name);
  const Status written = into.write(extent.begin, buffer.first(size_bytes));
  return written.ok() ? written : named(written, name);
}

}  // namespace

bool is_on_fuse(int fd) {
  struct statfs system {};
  return ::fstatfs(fd, &system) == 0 && static_cast<std::uint64_t>(system.f_type) == FUSE_SUPER_MAGIC;
}

Status check_readable_source(int source, std::string_view name) {
  struct stat info {};
  if (::fstat(source, &info) != 0) return Status::from_errno(errno, "stat '" + printable(name) + "'");
  if (!S_ISREG(info.st_mode)) return {Code::InvalidArgument, "'" + printable(name) + "' is not a regular file"};
  const int flags = ::fcntl(source, F_GETFL);
  if (flags < 0 || (flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_WRONLY) {
    return {Code::InvalidArgument, "'" + printable(name) + "' is not open for reading"};
  }
  if (is_on_fuse(source))
    return {Code::Unsupported, "'" + printable(name) + "' lies on a FUSE file system: send its bytes"};
  return {};
}

Status copy_content(int source, DraftHandle& into, std::string_view name, const Proceed& proceed) {
  struct stat before {};
  if (::fstat(source, &before) != 0) return Status::from_errno(errno, "stat '" + printable(name) + "'");
  const auto size = static_cast<std::uint64_t>(before.st_size);
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kCopyChunkBytes);

  std::uint64_t done = 0;
  std::uint64_t written = 0;
  while (done < size) {
    const Extent extent = next_data(source, done, size);
    for (Extent rest = extent; rest.begin < rest.end; rest.begin += kCopyChunkBytes) {
      if (Status status = proceed(rest.begin); !status.ok()) return status;
      if (Status status = copy_extent(source, into, rest, ByteSpan(buffer.get(), kCopyChunkBytes), name);
          !status.ok()) {
        return status;
      }
    }
    done = extent.end;
    if (extent.begin < size) written = extent.end;
  }
  if (written < size) {  // a hole at the end
    if (Status status = into.file().truncate(size); !status.ok()) return named(status, name);
  }

  struct stat after {};
  if (::fstat(source, &after) != 0) return Status::from_errno(errno, "stat '" + printable(name) + "'");
  return is_same(before, after) ? Status() : changed(name);
}

}  // namespace modelfs
