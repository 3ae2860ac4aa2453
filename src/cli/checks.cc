#include "cli/checks.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "base/file.h"
#include "base/names.h"
#include "cli/mount_request.h"
#include "cli/output.h"
#include "control/channel.h"
#include "os/mountinfo.h"
#include "os/unmount.h"
#include "registry/access.h"
#include "store/store_lock.h"

namespace modelfs {
namespace {

constexpr std::size_t kSmallFileBytesMax = 64 * 1024;
constexpr std::size_t kStatusBytesMax = 64 << 20;  // it lists all drafts

Finding fine(std::string about, std::string message) { return {Health::Ok, std::move(about), std::move(message), ""}; }

std::string read_small(int directory, const std::string& path) {
  const auto file = open_at(directory, path, O_RDONLY);
  if (!file.ok()) return "";
  const auto text = read_all(file->fd(), kSmallFileBytesMax);
  return text.ok() ? *text : "";
}

// The program's file, found as the shell does; empty: not found.
std::string in_path(const std::string& program) {
  const char* const path = std::getenv("PATH");
  std::istringstream directories(path != nullptr ? path : "/usr/bin:/bin");
  for (std::string directory; std::getline(directories, directory, ':');) {
    const std::string candidate = directory + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

Finding check_device() {
  const File device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (device.valid()) return fine("/dev/fuse", "can be opened");
  const std::string why = std::strerror(errno);
  if (errno == ENOENT)
    return {Health::Fail, "/dev/fuse", "is not there",
            "load it with `modprobe fuse`; in a container, add `--device /dev/fuse`"};
  return {Health::Fail, "/dev/fuse", "cannot be opened: " + why,
          "in a container, add `--device /dev/fuse --cap-add SYS_ADMIN`; elsewhere `chmod 666 /dev/fuse` as root"};
}

Finding check_fusermount() {
  const std::string program = in_path("fusermount3");
  if (program.empty()) {
    return {::geteuid() == 0 ? Health::Warn : Health::Fail, "fusermount3", "is not installed: only root can mount",
            "apt-get install fuse3"};
  }
  struct stat info {};
  const bool set_id = ::stat(program.c_str(), &info) == 0 && info.st_uid == 0 && (info.st_mode & S_ISUID) != 0;
  if (set_id || ::geteuid() == 0) return fine("fusermount3", program);
  return {Health::Fail, "fusermount3", program + " has no set-id bit, so ordinary users cannot mount",
          "chmod u+s " + program + " as root"};
}

Finding check_allow_other() {
  std::istringstream lines(read_small(AT_FDCWD, "/etc/fuse.conf"));
  for (std::string line; std::getline(lines, line);) {
    if (line.substr(0, line.find_last_not_of(" \t") + 1) == "user_allow_other")
      return fine("user_allow_other", "is set in /etc/fuse.conf");
  }
  if (::geteuid() == 0) return fine("user_allow_other", "is not set; root does not need it");
  return {Health::Warn, "user_allow_other", "is not set, so `mount -o allow_other` is for root only",
          "to let other users see what you mount, add the line user_allow_other to /etc/fuse.conf"};
}

Finding check_format(int directory, const std::string& store) {
  const std::string text = read_small(directory, "FORMAT");
  if (text.empty())
    return {Health::Fail, "FORMAT", store + " is not a store, or cannot be read", "give the path of a store"};
  const auto format = StoreFormat::parse(text, store);
  if (format.code() == Code::Unsupported) {
    return {Health::Fail, "FORMAT", format.status().message(), "use the modelfs that wrote it, or a newer one"};
  }
  if (!format.ok()) return {Health::Fail, "FORMAT", format.status().message(), "restore it from a copy"};
  const std::string current = std::to_string(kStoreVersion);
  if (!format->needs_upgrade()) return fine("FORMAT", "version " + current);
  if (format->upgrading_from != 0) {
    return {Health::Warn, "FORMAT", "an upgrade to version " + current + " was interrupted",
            "mount it, or run any command on it: that completes the upgrade"};
  }
  return {Health::Warn, "FORMAT",
          "version " + std::to_string(format->version) + ": the next mount or command on it upgrades it to version " +
              current + ", for good",
          "copy the store first if a modelfs that knows only version " + std::to_string(format->version) +
              " must be able to open it"};
}

Finding check_owner(int directory, const std::string& store) {
  struct stat info {};
  if (::fstat(directory, &info) != 0) return {Health::Fail, "owner", std::strerror(errno), ""};
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(info.st_mode & 07777));
  const std::string text = user_name(info.st_uid) + ", mode " + mode;
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return {Health::Fail, "owner", text + ": others could change the store", "chmod go-w " + store};
  if (info.st_uid != ::geteuid()) {
    return {Health::Warn, "owner", text + ", not this user",
            "run the command as " + user_name(info.st_uid) + ", or work on the mount"};
  }
  if ((info.st_mode & (S_IRGRP | S_IROTH)) != 0)
    return {Health::Warn, "owner", text + ": others can list the store", "chmod 0700 " + store};
  return fine("owner", text);
}

Finding check_holder(int directory) {
  const auto lock = open_at(directory, "LOCK", O_RDONLY);
  if (!lock.ok())
    return {Health::Warn, "daemon", "LOCK cannot be read: " + lock.status().message(), "run this as the store's owner"};
  if (::flock(lock->fd(), LOCK_SH | LOCK_NB) == 0)
    return fine("daemon", "none runs; commands open the store themselves");
  std::string holder = printable(read_small(directory, "LOCK"));
  if (const auto end = holder.find("\\x0a"); end != std::string::npos) holder.erase(end);
  const auto channel = connect_to_daemon(directory);
  if (channel.ok()) return fine("daemon", "answers; " + holder);
  if (channel.code() == Code::NotFound)
    return {Health::Warn, "daemon", "no daemon, but a command has the store open: " + holder, "wait until it ends"};
  return {Health::Fail, "daemon", holder + " holds the store and does not answer: " + channel.status().message(),
          channel.code() == Code::Denied
              ? "try with sudo"
              : "see its log, STORE/modelfs.log; `modelfs umount` its mount, or end the process"};
}

Finding check_space(int directory) {
  struct statvfs space {};
  if (::fstatvfs(directory, &space) != 0) return {Health::Fail, "space", std::strerror(errno), ""};
  const std::uint64_t free = std::uint64_t{space.f_bavail} * space.f_frsize;
  const std::uint64_t reserve = MountRequest().reserve_bytes;
  const std::string text = human_size(free) + " free; commits are refused below " + human_size(reserve);
  if (free < reserve)
    return {Health::Fail, "space", text,
            "free some space, `modelfs rm` and `modelfs gc`, or mount with -o reserve=SIZE"};
  if (free < 4 * reserve) return {Health::Warn, "space", text, "free some space soon"};
  if (space.f_files > 0 && space.f_favail < 1000)
    return {Health::Warn, "space", "the file system has almost no inodes left", "remove small files"};
  return fine("space", text);
}

// How a store's mount reads published files. Nothing where it is not mounted, or its status is not ours to read.
std::optional<Finding> check_reads(const std::string& store) {
  const auto table = read_mounts();
  if (!table.ok()) return std::nullopt;
  const auto mount = std::find_if(table->begin(), table->end(),
                                  [&store](const Mount& each) { return each.is_ours() && each.source == store; });
  if (mount == table->end() || is_dead_mount(mount->mount_point)) return std::nullopt;
  const std::string& mount_point = mount->mount_point;
  const auto file = open_at(AT_FDCWD, mount_point + "/.modelfs/status.json", O_RDONLY);
  if (!file.ok()) return std::nullopt;
  const auto text = read_all(file->fd(), kStatusBytesMax);
  if (!text.ok()) return std::nullopt;
  const auto status = nlohmann::json::parse(*text, nullptr, false);
  if (!status.is_object() || !status.contains("reads") || !status["reads"].is_object()) return std::nullopt;
  const std::string place = printable(mount_point);
  if (status["reads"].value("mode", "") == "passthrough") {
    return fine("reads", place + ": by the kernel itself (passthrough)");
  }
  return Finding{Health::Warn, "reads", place + ": through the daemon, slower than from the disk",
                 printable(status["reads"].value("reason", ""))};
}

}  // namespace

std::pair<int, int> parse_kernel_release(std::string_view release) {
  int major = 0;
  int minor = 0;
  if (std::sscanf(std::string(release).c_str(), "%d.%d", &major, &minor) != 2) return {0, 0};
  return {major, minor};
}

Finding judge_kernel(std::string_view release) {
  const auto version = parse_kernel_release(release);
  const std::string text = printable(release);
  if (version < std::pair{6, 1}) return {Health::Fail, "kernel", text + ": too old", "use 6.1 or newer"};
  if (version < std::pair{6, 9})
    return {Health::Warn, "kernel", text + ": reads go through the daemon",
            "6.9 or newer reads large files at native speed"};
  return fine("kernel", text);
}

std::vector<Finding> check_machine() {
  utsname system{};
  ::uname(&system);
  return {check_device(), check_fusermount(), check_allow_other(), judge_kernel(system.release)};
}

std::vector<Finding> check_mounts() {
  const auto table = read_mounts();
  if (!table.ok()) return {{Health::Fail, "mounts", table.status().message(), ""}};
  std::vector<Finding> findings;
  for (const Mount& mount : *table) {
    if (!mount.is_ours()) continue;
    const std::string place = printable(mount.mount_point);
    if (is_dead_mount(mount.mount_point)) {
      findings.push_back({Health::Fail, "mount", place + ": its daemon is gone", "modelfs umount " + place});
    } else {
      findings.push_back(fine("mount", place + " shows " + printable(mount.source)));
    }
  }
  return findings;
}

std::vector<Finding> check_store(const std::string& store) {
  const File directory(::open((store + "/.").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) {
    const std::string why = std::strerror(errno);
    if (errno == EACCES) return {{Health::Warn, "store", "cannot be examined by you: " + why, "try with sudo"}};
    return {{Health::Fail, "store", why, "give the path of a store"}};
  }
  std::vector<Finding> findings = {check_format(directory.fd(), store), check_owner(directory.fd(), store),
                                   check_holder(directory.fd()), check_space(directory.fd())};
  if (auto reads = check_reads(store)) findings.push_back(*std::move(reads));
  return findings;
}

}  // namespace modelfs
