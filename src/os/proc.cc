#include "os/proc.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"

namespace modelfs {
namespace {

constexpr std::size_t kTextBytesMax = 64 * 1024;
constexpr std::size_t kMountsBytesMax = 4ull << 20;
constexpr unsigned long kExiting = 0x4;  // PF_EXITING of the kernel's linux/sched.h
constexpr std::size_t kFlagsField = 9;   // of /proc/PID/stat, counted from 1
constexpr std::size_t kExitCodeField = 52;

std::string text_of_file(int directory, const std::string& name) {
  const auto file = open_at(directory, name, O_RDONLY);
  if (!file.ok()) return "";
  auto text = read_all(file->fd(), kTextBytesMax);
  return text.ok() ? std::move(*text) : "";
}

std::string text_of_process(pid_t pid, const char* name) {
  return text_of_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/" + name);
}

// The value behind `label` at the start of a line, in `base`.
std::optional<std::uint64_t> value_of(std::string_view text, std::string_view label, int base) {
  const std::size_t at = text.find(label);
  if (at == std::string_view::npos || (at > 0 && text[at - 1] != '\n')) return std::nullopt;
  std::string_view rest = text.substr(at + label.size());
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}

bool names_file(int directory, const std::string& descriptor, std::string_view name) {
  std::array<char, PATH_MAX> target{};
  const ssize_t got = ::readlinkat(directory, descriptor.c_str(), target.data(), target.size());
  if (got <= 0) return false;
  std::string_view path(target.data(), static_cast<std::size_t>(got));
  constexpr std::string_view kDeleted = " (deleted)";  // the name was hidden from others since
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return path.ends_with(name) && path.size() > name.size() && path[path.size() - name.size() - 1] == '/';
}

// The third and fifth field of the lines of a mountinfo file: "0:57" and where it is mounted.
struct MountLine {
  std::uint64_t id = 0;
  std::string device;
  std::string mount_point;
};

std::vector<MountLine> mounts_of(const std::string& process) {
  const auto file = open_at(AT_FDCWD, "/proc/" + process + "/mountinfo", O_RDONLY);
  const auto text = file.ok() ? read_all(file->fd(), kMountsBytesMax) : Result<std::string>(file.status());
  std::vector<MountLine> mounts;
  std::istringstream lines(text.ok() ? *text : "");
  for (std::string line; std::getline(lines, line);) {
    MountLine mount;
    std::string parent;
    std::string root;
    std::istringstream(line) >> mount.id >> parent >> mount.device >> root >> mount.mount_point;
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

// The device of the mount at `mount_point`; empty if it is not known (a name with odd characters, another namespace).
std::string device_at(const std::string& mount_point) {
  std::string device;
  for (const MountLine& mount : mounts_of("self")) {
    if (mount.mount_point == mount_point) device = mount.device;  // the last one lies on top
  }
  return device;
}

// Why: another mount may hold a file of this number and name.
bool is_on(const std::string& device, const std::string& process, std::uint64_t mount_id) {
  if (device.empty()) return true;
  const auto mounts = mounts_of(process);
  const auto found =
      std::find_if(mounts.begin(), mounts.end(), [&](const MountLine& mount) { return mount.id == mount_id; });
  return found == mounts.end() || found->device == device;
}

bool process_writes(const std::string& process, Ino ino, std::string_view name, const std::string& device) {
  const auto descriptors = open_at(AT_FDCWD, "/proc/" + process + "/fd", O_RDONLY | O_DIRECTORY);
  std::vector<std::string> numbers;
  if (!descriptors.ok() || !list_names(descriptors->fd(), numbers).ok()) return false;
  return std::any_of(numbers.begin(), numbers.end(), [&](const std::string& number) {
    if (!names_file(descriptors->fd(), number, name)) return false;
    const std::string facts = text_of_file(AT_FDCWD, "/proc/" + process + "/fdinfo/" + number);
    const auto flags = value_of(facts, "flags:", 8);
    const auto file = value_of(facts, "ino:", 10);
    const auto mount = value_of(facts, "mnt_id:", 10);
    return flags && file && *file == raw(ino) && (*flags & O_ACCMODE) != O_RDONLY && mount &&
           is_on(device, process, *mount);
  });
}

}  // namespace

pid_t process_of(pid_t thread) {
  if (thread <= 0) return 0;
  return static_cast<pid_t>(value_of(text_of_process(thread, "status"), "Tgid:", 10).value_or(0));
}

bool is_alive(pid_t process) { return process > 0 && (::kill(process, 0) == 0 || errno == EPERM); }

bool is_dying_badly(pid_t thread) {
  if (thread <= 0) return false;
  const std::string text = text_of_process(thread, "stat");
  // The second field is the program's name, in brackets, with anything in it.
  std::size_t at = text.rfind(')');
  if (at == std::string::npos) return false;
  unsigned long flags = 0;
  unsigned long exit_code = 0;
  std::size_t field = 2;
  for (at += 1; at < text.size(); ++at) {
    if (text[at] != ' ') continue;
    ++field;
    unsigned long* into = field == kFlagsField ? &flags : field == kExitCodeField ? &exit_code : nullptr;
    if (into != nullptr) (void)std::from_chars(text.data() + at + 1, text.data() + text.size(), *into);
  }
  return (flags & kExiting) != 0 && exit_code != 0;
}

bool shows_pending_kill(std::string_view status) {
  constexpr std::uint64_t kKill = std::uint64_t{1} << (SIGKILL - 1);
  // A signal that ends a process is made a SIGKILL of each of its threads; one that meets its end stays with it.
  return ((value_of(status, "SigPnd:", 16).value_or(0) | value_of(status, "ShdPnd:", 16).value_or(0)) & kKill) != 0;
}

bool is_killed(pid_t thread) {
  return thread > 0 && (shows_pending_kill(text_of_process(thread, "status")) || is_dying_badly(thread));
}

bool has_writer(Ino ino, std::string_view name, const std::string& mount_point) {
  const std::string device = device_at(mount_point);
  const auto proc = open_at(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY);
  std::vector<std::string> processes;
  if (!proc.ok() || !list_names(proc->fd(), processes).ok()) return false;
  return std::any_of(processes.begin(), processes.end(), [&](const std::string& process) {
    return process.front() >= '1' && process.front() <= '9' && process_writes(process, ino, name, device);
  });
}

}  // namespace modelfs
