#include "mount/volatile_store.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/log.h"

namespace modelfs {
namespace {

Result<File> make_detached_tmpfs() {
  const File context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!context.valid()) return Status::from_errno(errno, "fsopen tmpfs");
  if (::fsconfig(context.fd(), FSCONFIG_SET_STRING, "mode", "0700", 0) != 0 ||
      ::fsconfig(context.fd(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return Status::from_errno(errno, "make a tmpfs");
  }
  File tmpfs(::fsmount(context.fd(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  if (!tmpfs.valid()) return Status::from_errno(errno, "mount a tmpfs");
  return tmpfs;
}

bool is_in_memory(const std::string& directory) {
  struct statfs info {};
  return ::statfs(directory.c_str(), &info) == 0 && info.f_type == TMPFS_MAGIC;
}

Result<std::string> make_private_directory() {
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  for (const std::string& base : {std::string("/dev/shm"), std::string(runtime != nullptr ? runtime : "")}) {
    if (base.empty() || !is_in_memory(base)) continue;
    std::string directory = base + "/modelfs-XXXXXX";
    if (::mkdtemp(directory.data()) != nullptr) return directory;
  }
  return Status(Code::Unsupported,
                "a volatile store needs a tmpfs at /dev/shm or in XDG_RUNTIME_DIR: there is none; name a store "
                "directory instead");
}

}  // namespace

Result<VolatileStore> VolatileStore::create() {
  VolatileStore store;
  if (auto tmpfs = make_detached_tmpfs(); tmpfs.ok()) {
    store.tmpfs_ = *std::move(tmpfs);
    const std::string number = std::to_string(store.tmpfs_.fd());
    store.path_ = "/proc/self/fd/" + number;
    store.public_path_ = "/proc/" + std::to_string(::getpid()) + "/fd/" + number;
    return store;
  }
  auto directory = make_private_directory();
  if (!directory.ok()) return directory.status();
  store.directory_ = *std::move(directory);
  store.path_ = store.public_path_ = store.directory_;
  return store;
}

VolatileStore::~VolatileStore() {
  if (directory_.empty()) return;
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
  if (error) log::warn("cannot remove {}: {}", directory_, error.message());
}

}  // namespace modelfs
