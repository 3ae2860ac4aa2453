// Where a target lies: which store, and which path in its registry.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "os/mountinfo.h"

namespace modelfs {

struct Location {
  std::string store;          // the store's directory
  std::string path;           // in the registry: "churn/1.2.0"; empty: all of it
  std::string mount_point;    // of the mount it was reached by; empty: by --store
  std::string host_path;      // there, an absolute path; empty: by --store
  bool is_read_only = false;  // that mount
  std::string device = {};    // of it: "0:53"; empty: by --store
};

// A target as the command line gives it: `given` lies in `store`, or, if that is empty, on a mount. Symlinks on the
// way, as `latest`, are followed; the last component is not, because it may be what is meant, and need not exist.
// InvalidArgument: neither on a mount nor with a store; says what a target looks like.
Result<Location> locate(const std::string& given, const std::string& store);

// A whole store: its directory, a path on its mount, or nothing: the mount that the working directory lies on, or else
// the only one.
Result<Location> locate_store(const std::string& given, const std::string& store);

// Where a command without a target works: the same, but with the path in the registry of the working directory.
Result<Location> locate_here(const std::string& store);

// The only store that is mounted. InvalidArgument: there is none; or several, and the message names them all.
Result<Location> sole_mount(const std::vector<Mount>& table);

// The same for an absolute path without symlinks; nullopt: it lies on no mount of ours.
std::optional<Location> locate_on(const std::vector<Mount>& table, const std::string& path);

// `given` as an absolute path in which nothing but the last component is a symlink, as far as it exists.
Result<std::string> absolute_path(const std::string& given);

}  // namespace modelfs
