#include "os/open_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <climits>
#include <optional>
#include <sstream>

#include "base/file.h"
#include "base/names.h"

namespace modelfs {
namespace {

constexpr auto kHolderSearchTime = std::chrono::seconds(2);
constexpr std::size_t kMapsBytesMax = 16ull << 20;

std::string read_link(int directory, const char* name) {
  std::array<char, PATH_MAX> target{};
  const ssize_t got = ::readlinkat(directory, name, target.data(), target.size());
  return got <= 0 ? "" : std::string(target.data(), static_cast<std::size_t>(got));
}

std::string first_line(int directory, const char* name) {
  const auto file = open_at(directory, name, O_RDONLY);
  if (!file.ok()) return "";
  const auto text = read_all(file->fd(), kMapsBytesMax);
  return text.ok() ? text->substr(0, text->find('\n')) : "";
}

// The first file of a process's address space that lies beneath.
std::string mapped_beneath(int process, const std::string& mount_point) {
  const auto file = open_at(process, "maps", O_RDONLY);
  if (!file.ok()) return "";
  const auto text = read_all(file->fd(), kMapsBytesMax);
  if (!text.ok()) return "";
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t slash = line.find('/');
    if (slash == std::string::npos) continue;
    if (std::string path = path_beneath(mount_point, line.substr(slash)); !path.empty()) return path;
  }
  return "";
}

std::string opened_beneath(int process, const std::string& mount_point) {
  const auto directory = open_at(process, "fd", O_RDONLY | O_DIRECTORY);
  std::vector<std::string> names;
  if (!directory.ok() || !list_names(directory->fd(), names).ok()) return "";
  for (const std::string& name : names) {
    if (std::string path = path_beneath(mount_point, read_link(directory->fd(), name.c_str())); !path.empty())
      return path;
  }
  return "";
}

std::optional<Holder> holder_of(const std::string& number, const std::string& mount_point) {
  Holder holder;
  const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), holder.pid);
  if (error != std::errc{} || stop != number.data() + number.size()) return std::nullopt;
  const auto process = open_at(AT_FDCWD, "/proc/" + number, O_RDONLY | O_DIRECTORY);
  if (!process.ok()) return std::nullopt;
  if (const auto path = path_beneath(mount_point, read_link(process->fd(), "cwd")); !path.empty()) {
    holder.how = "works in " + printable(path);
  } else if (const auto root = path_beneath(mount_point, read_link(process->fd(), "root")); !root.empty()) {
    holder.how = "has its root in " + printable(root);
  } else if (const auto open = opened_beneath(process->fd(), mount_point); !open.empty()) {
    holder.how = "has " + printable(open) + " open";
  } else if (const auto mapped = mapped_beneath(process->fd(), mount_point); !mapped.empty()) {
    holder.how = "maps " + printable(mapped);
  } else {
    return std::nullopt;
  }
  holder.program = printable(first_line(process->fd(), "comm"));
  return holder;
}

}  // namespace

std::string path_beneath(const std::string& mount_point, const std::string& path) {
  if (!path.starts_with(mount_point)) return "";
  if (path.size() == mount_point.size()) return path;
  return path[mount_point.size()] == '/' ? path.substr(mount_point.size() + 1) : "";
}

std::vector<Holder> find_holders(const std::string& mount_point, std::size_t count_max) {
  std::vector<Holder> holders;
  const auto proc = open_at(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY);
  std::vector<std::string> names;
  if (!proc.ok() || !list_names(proc->fd(), names).ok()) return holders;
  const auto until = std::chrono::steady_clock::now() + kHolderSearchTime;
  const std::string self = std::to_string(::getpid());
  for (const std::string& name : names) {
    if (name == self) continue;
    if (holders.size() >= count_max || std::chrono::steady_clock::now() > until) break;
    if (auto holder = holder_of(name, mount_point)) holders.push_back(*std::move(holder));
  }
  std::sort(holders.begin(), holders.end(), [](const Holder& a, const Holder& b) { return a.pid < b.pid; });
  return holders;
}

}  // namespace modelfs
