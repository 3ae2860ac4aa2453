#include "os/namespaces.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string_view>
#include <unordered_set>

#include "base/file.h"
#include "base/names.h"
#include "os/host.h"

namespace modelfs {
namespace {

constexpr auto kSearchTime = std::chrono::seconds(2);
constexpr std::size_t kNameBytesMax = 64;

// Empty: it may not be seen.
std::string namespace_of(const std::string& process) {
  std::array<char, kNameBytesMax> target{};
  const ssize_t got = ::readlink(("/proc/" + process + "/ns/mnt").c_str(), target.data(), target.size());
  return got <= 0 ? "" : std::string(target.data(), static_cast<std::size_t>(got));
}

const Mount* parent_of(const std::vector<Mount>& table, const Mount& mount) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Mount& each) { return each.id == mount.parent; });
  return found == table.end() ? nullptr : &*found;
}

// The peer group to which a mount propagates unmounts; empty: none.
std::string group_of(const Mount& mount) {
  constexpr std::string_view kShared = "shared:";
  for (const std::string& each : mount.propagation) {
    if (each.starts_with(kShared)) return each.substr(kShared.size());
  }
  return "";
}

bool hears_of(const Mount& mount, const std::string& group) {
  return std::any_of(mount.propagation.begin(), mount.propagation.end(),
                     [&](const std::string& each) { return each.substr(each.find(':') + 1) == group; });
}

// The peer group to which the unmounting of `mount` propagates; empty: none.
std::string listeners_of(const Mount& mount) {
  const auto own = read_mounts();
  if (!own.ok()) return "";
  const Mount* const parent = parent_of(*own, mount);
  return parent == nullptr ? "" : group_of(*parent);
}

// The first place in `table` of that file system that stays.
const Mount* place_that_stays(const std::vector<Mount>& table, const Mount& mount, const std::string& listeners) {
  const auto stays = [&](const Mount& each) {
    if (each.device != mount.device || each.type != mount.type) return false;
    const Mount* const parent = parent_of(table, each);
    const bool goes_along =
        !listeners.empty() && each.root == mount.root && parent != nullptr && hears_of(*parent, listeners);
    return !goes_along;
  };
  const auto found = std::find_if(table.begin(), table.end(), stays);
  return found == table.end() ? nullptr : &*found;
}

}  // namespace

std::vector<ForeignMount> find_foreign_mounts(const Mount& mount, std::size_t count_max) {
  std::vector<ForeignMount> found;
  const auto proc = open_at(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY);
  std::vector<std::string> names;
  if (!proc.ok() || !list_names(proc->fd(), names).ok()) return found;
  const std::string listeners = listeners_of(mount);
  std::unordered_set<std::string> seen{"", namespace_of("self")};
  const auto until = std::chrono::steady_clock::now() + kSearchTime;
  for (const std::string& name : names) {
    if (found.size() >= count_max || std::chrono::steady_clock::now() > until) break;
    ForeignMount foreign;
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), foreign.pid);
    if (error != std::errc{} || stop != name.data() + name.size()) continue;
    foreign.name_space = namespace_of(name);
    if (!seen.insert(foreign.name_space).second) continue;
    const auto table = read_mounts_of(name);
    const Mount* const place = table.ok() ? place_that_stays(*table, mount, listeners) : nullptr;
    if (place == nullptr) continue;
    foreign.program = program_of(foreign.pid);
    foreign.mount_point = place->mount_point;
    found.push_back(std::move(foreign));
  }
  return found;
}

bool is_in_our_namespace(pid_t pid) {
  const std::string theirs = namespace_of(std::to_string(pid));
  return theirs.empty() || theirs == namespace_of("self");
}

}  // namespace modelfs
