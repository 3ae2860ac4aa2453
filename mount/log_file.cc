#include "mount/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/file.h"
#include "base/log.h"

namespace modelfs {
namespace {

Result<File> open_log(int store_dir) {
  struct stat info {};
  if (::fstatat(store_dir, kLogName, &info, AT_SYMLINK_NOFOLLOW) == 0 && info.st_size > kLogBytesMax) {
    (void)::renameat(store_dir, kLogName, store_dir, kOldLogName);  // if that fails, it goes on growing
  }
  return open_at(store_dir, kLogName, O_WRONLY | O_APPEND | O_CREAT, 0600);
}

}  // namespace

void leave_terminal(int store_dir) {
  const auto nothing = open_at(AT_FDCWD, "/dev/null", O_RDWR);
  const auto log_file = open_log(store_dir);
  if (!log_file.ok()) log::warn("no log: {}", log_file.status().message());  // still seen on the terminal
  std::fflush(nullptr);
  if (nothing.ok()) {
    ::dup2(nothing->fd(), STDIN_FILENO);
    ::dup2(nothing->fd(), STDOUT_FILENO);
    ::dup2(log_file.ok() ? log_file->fd() : nothing->fd(), STDERR_FILENO);
  }
}

}  // namespace modelfs
