#include "mount/mount_point.h"

#include <sys/mount.h>

#include <algorithm>
#include <cerrno>

#include "os/subprocess.h"

namespace modelfs {

Result<std::optional<Mount>> mounted_at(const std::string& mount_point) {
  auto table = read_mounts();
  if (!table.ok()) return table.status();
  // Of several the last covers the others.
  const auto topmost = std::find_if(table->rbegin(), table->rend(),
                                    [&](const Mount& mount) { return mount.mount_point == mount_point; });
  if (topmost == table->rend()) return std::optional<Mount>();
  return std::optional<Mount>(std::move(*topmost));
}

Status detach_mount(const std::string& mount_point, const std::string& device) {
  const auto mounted = mounted_at(mount_point);
  if (!mounted.ok()) return mounted.status();
  if (!*mounted || (*mounted)->device != device) return {};
  if (::umount2(mount_point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return {};
  if (errno != EPERM) return Status::from_errno(errno, "unmount " + mount_point);
  const auto ran = run_program({"fusermount3", "-u", "-z", "--", mount_point});
  if (!ran.ok()) return ran.status();
  return ran->exit_code == 0 ? Status() : Status(Code::IoError, "unmount " + mount_point + ": " + ran->output);
}

}  // namespace modelfs
