#include "engine/shared_dir/directory_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "base/file.h"
#include "engine/shared_dir/shared_directory.h"
#include "store/remote.h"

namespace modelfs {
namespace {

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

bool is_directory(int directory, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat info {};
  return ::fstatat(directory, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

// What `directory` holds, those that are directories with a '/' at their ends: so they sort as the names below them.
Status read_entries(int directory, const std::string& name, std::vector<std::string>& entries) {
  const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseDirectory> stream(copy < 0 ? nullptr : ::fdopendir(copy));
  if (stream == nullptr) return shared_failure(errno, "list " + name);
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view found = entry->d_name;
    if (found == "." || found == ".." || found.find('~') != std::string_view::npos) continue;
    entries.emplace_back(found);
    if (is_directory(directory, *entry)) entries.back() += '/';
    errno = 0;
  }
  if (errno != 0) return shared_failure(errno, "list " + name);
  std::sort(entries.begin(), entries.end());
  return {};
}

struct Walk {
  const int root;
  const std::string& prefix;
  const std::string& after;
  const std::function<bool(const std::string&)>& visit;
  bool has_enough = false;

  // Whether something that begins with `name`, which ends with '/', is to be visited.
  bool may_hold(const std::string& name) const {
    const bool is_on_the_way = name.starts_with(prefix) || prefix.starts_with(name);
    return is_on_the_way && (name > after || after.starts_with(name));
  }

  // `name` is empty, or ends with '/'.
  Status descend(const std::string& name) {
    const auto directory = open_at(root, name.empty() ? "." : name.substr(0, name.size() - 1), O_RDONLY | O_DIRECTORY);
    if (directory.code() == Code::NotFound || directory.code() == Code::NotADirectory) return {};
    if (!directory.ok()) return shared_failure(directory.status().host_errno(), directory.status().message());
    std::vector<std::string> entries;
    if (Status status = read_entries(directory->fd(), name, entries); !status.ok()) return status;
    for (const std::string& entry : entries) {
      const std::string found = name + entry;
      if (found.ends_with('/')) {
        if (!may_hold(found)) continue;
        if (Status status = descend(found); !status.ok()) return status;
      } else if (found.starts_with(prefix) && found > after) {
        has_enough = !visit(found);
      }
      if (has_enough) return {};
    }
    return {};
  }
};

}  // namespace

Status walk_files(int root, const std::string& prefix, const std::string& after,
                  const std::function<bool(const std::string&)>& visit) {
  // Nothing above it is of interest. Prefixes with a part that no name has find nothing.
  const std::string from = prefix.substr(0, prefix.rfind('/') + 1);
  if (!from.empty() && !check_remote_name(std::string_view(from).substr(0, from.size() - 1)).ok()) return {};
  return Walk{root, prefix, after, visit}.descend(from);
}

}  // namespace modelfs
