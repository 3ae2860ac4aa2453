#include "cli/location.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

#include "base/names.h"
#include "base/path.h"
#include "cli/no_answer.h"

namespace modelfs {
namespace {

// Why trailing slashes are removed: realpath would follow a symlink before them.
std::string up_to_last_name(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

Result<std::string> working_directory() {
  const std::unique_ptr<char, decltype(&std::free)> path(::getcwd(nullptr, 0), &std::free);
  if (path == nullptr) return Status::from_errno(errno, "find the working directory");
  return std::string(path.get());
}

// The real path of a directory; empty if it cannot be found: it does not exist, or may not be entered, or its mount is
// dead.
std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> found(::realpath(path.c_str(), nullptr), &std::free);
  return found == nullptr ? "" : std::string(found.get());
}

// As the mount table names it, so that it can be compared; as given where nothing exists.
std::string store_path(const std::string& given) {
  const std::string real = real_path(given);
  return real.empty() ? given : real;
}

std::string joined(const std::string& directory, const std::string& rest) {
  if (rest.empty()) return directory;
  return directory == "/" ? "/" + rest : directory + "/" + rest;
}

bool has_file(const std::string& directory, const char* name) {
  struct stat info {};
  return ::stat((directory + "/" + name).c_str(), &info) == 0;
}

Status not_on_a_mount(const std::string& given) {
  return {Code::InvalidArgument, printable(given) +
                                     ": not on a modelfs mount; give a path on one, or --store STORE and a path " +
                                     "such as DOMAIN/VERSION"};
}

Location whole_store_of(Location location) {
  location.path.clear();
  location.host_path = location.mount_point;
  return location;
}

Result<Location> located_store(const std::vector<Mount>& table) {
  const auto here = working_directory();
  if (const auto found = here.ok() ? locate_on(table, *here) : std::nullopt) return *found;
  return sole_mount(table);
}

}  // namespace

Result<Location> sole_mount(const std::vector<Mount>& table) {
  std::vector<const Mount*> found;  // one of each store
  for (const Mount& mount : table) {
    const auto is_same = [&mount](const Mount* other) { return other->source == mount.source; };
    if (mount.is_ours() && std::none_of(found.begin(), found.end(), is_same)) found.push_back(&mount);
  }
  if (found.empty()) return Status(Code::InvalidArgument, "no store is mounted; name one with --store STORE");
  if (found.size() == 1) {
    const Mount& mount = *found.front();
    return Location{mount.source, "", mount.mount_point, mount.mount_point, mount.is_read_only, mount.device};
  }
  std::string places;
  for (const Mount* mount : found) places += (places.empty() ? "" : ", ") + printable(mount->mount_point);
  return Status(Code::InvalidArgument,
                std::to_string(found.size()) + " stores are mounted, at " + places + "; name one of them");
}

Result<Location> locate_here(const std::string& store) {
  if (!store.empty()) return locate_store("", store);
  const auto table = read_mounts();
  if (!table.ok()) return table.status();
  auto here = located_store(*table);
  if (!here.ok()) return here;
  if (Status status = check_answers(here->host_path); !status.ok()) return status;
  // What lies in `.stage` or `.modelfs` is no part of the registry; what it lies in is.
  std::string path;
  for (const std::string& part : split_path(here->path)) {
    if (part.starts_with('.')) break;
    path += (path.empty() ? "" : "/") + part;
  }
  here->path = path;
  return here;
}

Result<std::string> absolute_path(const std::string& given) {
  if (given.empty()) return Status(Code::InvalidArgument, "the path is empty");
  std::string path = up_to_last_name(given);
  if (path.front() != '/') {
    const auto base = working_directory();
    if (!base.ok()) return base.status();
    path = joined(*base, path);
  }
  // What exists is resolved, what does not is kept as it is written.
  std::string head = path;
  std::string rest;
  for (;;) {
    const std::size_t slash = head.rfind('/');
    const std::string last = head.substr(slash + 1);
    if (last == "." || last == "..") {
      const std::string real = real_path(head);
      if (real.empty()) return Status(Code::NotFound, printable(given) + ": " + printable(head) + " does not exist");
      return joined(real, rest);
    }
    rest = rest.empty() ? last : last + "/" + rest;
    head = slash == 0 ? "/" : head.substr(0, slash);
    if (const std::string real = real_path(head); !real.empty()) return joined(real, rest);
  }
}

std::optional<Location> locate_on(const std::vector<Mount>& table, const std::string& path) {
  const Mount* const mount = mount_of(table, path);
  if (mount == nullptr || !mount->is_ours()) return std::nullopt;
  // The root of a bind mount is a path in the registry itself.
  std::string inside = mount->root + path.substr(mount->mount_point == "/" ? 0 : mount->mount_point.size());
  while (inside.starts_with('/')) inside.erase(0, 1);
  while (inside.ends_with('/')) inside.pop_back();
  return Location{mount->source, inside, mount->mount_point, path, mount->is_read_only, mount->device};
}

Result<Location> locate(const std::string& given, const std::string& store) {
  if (Status status = check_answers(store.empty() ? given : store); !status.ok()) return status;
  if (!store.empty()) return Location{store_path(store), given, "", ""};
  const auto path = absolute_path(given);
  if (!path.ok()) return path.status();
  const auto table = read_mounts();
  if (!table.ok()) return table.status();
  if (auto found = locate_on(*table, *path)) return *found;
  return not_on_a_mount(given);
}

Result<Location> locate_store(const std::string& given, const std::string& store) {
  for (const std::string& path : {given, store}) {
    if (path.empty()) continue;
    if (Status status = check_answers(path); !status.ok()) return status;
  }
  if (!store.empty() && given.empty()) return Location{store_path(store), "", "", ""};
  const auto table = read_mounts();
  if (!table.ok()) return table.status();
  if (given.empty()) {
    auto here = located_store(*table);
    return here.ok() ? Result<Location>(whole_store_of(*here)) : here;
  }
  auto path = absolute_path(given);
  if (!path.ok()) return path.status();
  if (const std::string real = real_path(*path); !real.empty()) path = real;
  if (const auto found = locate_on(*table, *path)) return whole_store_of(*found);
  if (has_file(*path, "FORMAT")) return Location{*path, "", "", ""};
  return Status(Code::InvalidArgument,
                printable(given) + ": neither a store nor on a modelfs mount; give the path of one of them");
}

}  // namespace modelfs
