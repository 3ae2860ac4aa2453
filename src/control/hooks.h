// What the opener of a store tells the control server, and what it wants to be told.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/names.h"
#include "registry/registry.h"

namespace modelfs {

// Called on the thread of the request that made the change, holding no lock of ours. Empty members are skipped.
struct Hooks {
  // A draft became a release or a generation: the mount rebinds its nodes.
  std::function<void(const Published&)> on_published;
  // A domain was created or removed, or its names changed: a label, a removal, a restored release.
  std::function<void(const DomainName&)> on_domain_changed;
  // What is named `name` in `directory` is about to get, or has got, a name in another directory.
  std::function<void(Ino directory, const std::string& name)> on_moved_away;
  // The directories' numbers of the releases and generations of which somebody has a file open.
  std::function<std::vector<Ino>()> open_containers = {};
};

// Where the store is served, for status and for documents that say where a release is stored.
struct ServedAt {
  std::string engine = "rocksdb";
  std::string mount_point;  // empty: not mounted
  std::string store_id;     // StoreLock::id()
  // A JSON object about the registry of many hosts that the store follows; empty: it is one of its own.
  std::function<std::string()> describe_registry = {};
  // Frees what the bucket of that registry holds and nobody refers to; what it did, as a JSON object.
  std::function<Result<std::string>(bool dry_run)> sweep = {};
};

}  // namespace modelfs
