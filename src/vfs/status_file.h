// What /.modelfs/status.json and /.modelfs/metrics say.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "base/types.h"
#include "registry/registry.h"
#include "vfs/container_cache.h"
#include "vfs/file_system.h"
#include "vfs/handle_table.h"
#include "vfs/node_table.h"
#include "vfs/open_nodes.h"

namespace modelfs {

// Bytes that went through the daemon since the mount.
struct Traffic {
  std::atomic<std::uint64_t> published_read_bytes = 0;
  std::atomic<std::uint64_t> draft_read_bytes = 0;
  std::atomic<std::uint64_t> draft_written_bytes = 0;
  std::atomic<std::uint64_t> draft_borrowed_bytes = 0;
};

// Of the disk that the store lies on.
Result<SpaceFigures> store_space(const Registry& registry);

// Safe for concurrent use. IoError, Corrupt: the catalog cannot be read.
class StatusFile {
 public:
  // What it tells of. All outlives it.
  struct Sources {
    Registry& registry;
    const FileSystem::Options& options;
    const TimeNs mounted;
    const NodeTable& nodes;
    const OpenNodes& open_nodes;
    const HandleTable& handles;
    const ContainerCache& containers;
    const Traffic& traffic;
  };
  explicit StatusFile(const Sources& sources) : from_(sources) {}

  // status.json. Walks all drafts.
  Result<std::string> status() const;
  // metrics, as Prometheus reads it.
  Result<std::string> metrics() const;

 private:
  const Sources from_;
};

}  // namespace modelfs
