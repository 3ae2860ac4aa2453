// What `modelfs mount` was asked to do: read by the command line, carried out by the mount.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "archive/read/read_archive.h"

namespace modelfs {

struct MountRequest {
  std::string store;  // absolute path of the store directory; empty with volatile_store
  // The registry that the store follows: "s3://bucket/prefix"; empty: what the store itself says.
  std::string remote = {};
  std::string remote_options = {};  // -o endpoint=, region=, profile=, ca=, path_style, insecure
  std::string mount_point;          // absolute path
  bool volatile_store = false;      // a store on a private tmpfs that ends with the mount
  bool foreground = false;          // -f
  bool debug = false;               // -d: every request to stderr; implies foreground
  bool read_only = false;           // -o ro
  bool allow_other = false;         // -o allow_other
  bool passthrough = true;          // -o no_passthrough: the daemon serves every byte
  bool recipes = true;              // -o recipes=off: uploaded archives are kept as they are
  // -o client_root=PATH: how programs that see the mount elsewhere name it, in metadata documents; empty: mount_point.
  std::string client_root = {};
  ArchiveLimits archive_limits = {};              // -o archive_members=, _bytes=, _ratio=, _path=, _depth=
  std::uint64_t reserve_bytes = 64ull << 20;      // -o reserve=BYTES: commits are refused below this much free space
  std::uint64_t block_cache_bytes = 32ull << 20;  // -o cache=BYTES: RocksDB's block cache
  // -o poll=MICROSECONDS: how long a worker polls for the next request before it sleeps; 0: not at all.
  static constexpr std::chrono::microseconds kPollWindowMax{1000};
  std::chrono::microseconds poll_window{100};
  // -o follow=MILLISECONDS: how often the registry's log is asked for what other hosts have done; 0: the default, which
  // is half a second and grows while nothing happens.
  static constexpr std::chrono::milliseconds kFollowMin{50};
  static constexpr std::chrono::milliseconds kFollowMax{3'600'000};
  std::chrono::milliseconds follow{0};
  // -o publish_deadline=SECONDS: how long a commit waits for the bucket.
  static constexpr std::chrono::seconds kPublishDeadlineMax{3600};
  std::chrono::seconds publish_deadline{30};
};

// Mounts and serves; returns the process's exit code, in the background case as soon as the mount answers (or has
// failed, after saying why on stderr).
using MountRunner = std::function<int(const MountRequest&)>;

}  // namespace modelfs
