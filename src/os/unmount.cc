#include "os/unmount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/file.h"
#include "base/names.h"
#include "os/subprocess.h"

namespace modelfs {
namespace {

constexpr int kDeadCheckMs = 2000;

}  // namespace

int error_of_mount(const std::string& mount_point) {
  struct statvfs info {};
  return ::statvfs(mount_point.c_str(), &info) == 0 ? 0 : errno;
}

bool is_dead_mount(const std::string& mount_point) {
  const auto is_dead = [&mount_point] {
    const int error = error_of_mount(mount_point);
    return error == ENOTCONN || error == ECONNABORTED;
  };
  return ask_in_child(is_dead, kDeadCheckMs) == Answer::Yes;
}

bool is_mounted(const Mount& mount) {
  const auto table = read_mounts();
  if (!table.ok()) return true;
  return std::any_of(table->begin(), table->end(), [&](const Mount& other) {
    return other.mount_point == mount.mount_point && other.device == mount.device;
  });
}

bool has_other_places(const Mount& mount) {
  const auto table = read_mounts();
  return table.ok() &&
         std::any_of(table->begin(), table->end(), [&](const Mount& other) { return other.device == mount.device; });
}

Status detach(const Mount& mount, bool lazy) {
  if (::umount2(mount.mount_point.c_str(), UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0) return {};
  if (errno == EBUSY) return {Code::Busy, printable(mount.mount_point) + ": is in use"};
  if (errno != EPERM) return Status::from_errno(errno, "unmount " + printable(mount.mount_point));
  std::vector<std::string> arguments{"fusermount3", "-u"};
  if (lazy) arguments.emplace_back("-z");
  arguments.insert(arguments.end(), {"--", mount.mount_point});
  const auto ran = run_program(arguments);
  if (!ran.ok()) return {ran.code(), ran.status().message() + "; install the package fuse3, or unmount as root"};
  if (ran->exit_code == 0 || !is_mounted(mount)) return {};
  if (ran->output.find("busy") != std::string::npos) return {Code::Busy, printable(mount.mount_point) + ": is in use"};
  return {Code::NotPermitted, printable(mount.mount_point) + ": " + printable(ran->output) + "; try with sudo"};
}

Status abort_connection(const Mount& mount) {
  if (::umount2(mount.mount_point.c_str(), UMOUNT_NOFOLLOW | MNT_FORCE) == 0 || errno == EBUSY) return {};
  if (errno != EPERM) return Status::from_errno(errno, "unmount " + printable(mount.mount_point));
  // The user who mounted it may do so here. Source: Documentation/filesystems/fuse.rst of Linux.
  const std::string number = mount.device.substr(mount.device.find(':') + 1);
  const File abort(::open(("/sys/fs/fuse/connections/" + number + "/abort").c_str(), O_WRONLY | O_CLOEXEC));
  if (abort.valid() && ::write(abort.fd(), "1", 1) == 1) return {};
  return {Code::NotPermitted, printable(mount.mount_point) +
                                  ": its daemon was killed, and programs that use it hang; root can end that: sudo "
                                  "modelfs umount " +
                                  printable(mount.mount_point)};
}

}  // namespace modelfs
