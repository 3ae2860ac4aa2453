#include "mount/unmount.h"

#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "mount/mount_table.h"

namespace modelfs {
namespace {

// With no signal blocked: it inherits our mask, in which what ends us is blocked.
Result<pid_t> spawn(const char* program, const std::string& mount_point) {
  const std::array<const char*, 7> arguments = {program, "-u", "-z", "-q", "--", mount_point.c_str(), nullptr};
  sigset_t none;
  ::sigemptyset(&none);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, program, nullptr, &attributes,
                                   const_cast<char* const*>(arguments.data()),  // POSIX: not modified
                                   environ);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) return Status::from_errno(error, program);
  return child;
}

Status run_fusermount(const std::string& mount_point) {
  const auto child = spawn("fusermount3", mount_point);
  if (!child.ok()) return child.status();
  int outcome = 0;
  while (::waitpid(*child, &outcome, 0) < 0) {
    if (errno != EINTR) return Status::from_errno(errno, "wait for fusermount3");
  }
  if (WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0) return {};
  return Status(Code::IoError, "fusermount3 -u " + mount_point + " failed");
}

}  // namespace

Status detach_mount(const std::string& mount_point, const std::string& device) {
  const auto mounted = mounted_at(mount_point);
  if (!mounted.ok()) return mounted.status();
  if (!*mounted || (*mounted)->device != device) return {};
  if (::umount2(mount_point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return {};
  if (errno == EPERM) return run_fusermount(mount_point);
  return Status::from_errno(errno, "unmount " + mount_point);
}

}  // namespace modelfs
