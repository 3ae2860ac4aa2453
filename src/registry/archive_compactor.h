// Replaces archives that were uploaded by recipes that rebuild them.
#pragma once
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/digest.h"
#include "base/status.h"
#include "base/types.h"
#include "registry/core.h"
#include "registry/garbage_collector.h"

namespace modelfs {

// How the archives that were uploaded are stored.
struct ArchiveCounts {
  std::uint64_t recipes = 0;     // rebuilt when they are read
  std::uint64_t unsuited = 0;    // kept: no recipe makes them
  std::uint64_t waiting = 0;     // kept: nobody has looked yet
  std::uint64_t kept_bytes = 0;  // of those that are kept
};

// Safe for concurrent use.
class ArchiveCompactor {
 public:
  ArchiveCompactor(RegistryCore& core, GarbageCollector& garbage) : core_(core), garbage_(garbage) {}

  // Replaces archives by recipes where that is proven to give the same bytes, until `cancel`. Works in proportion to
  // their sizes: what is referred to is read once for kUndroppedBytesMax of them, and not for each. Interrupted.
  Status compact_all(const std::atomic<bool>& cancel);
  // The same for the archives of these containers.
  Status compact(const std::vector<Ino>& containers, const std::atomic<bool>& cancel);
  Result<ArchiveCounts> count() const;

 private:
  // So many bytes of archives at most lie in the store beside their recipes until they are dropped together.
  static constexpr std::uint64_t kUndroppedBytesMax = 1ull << 30;
  struct Replaced {
    Digest digest;
    std::uint64_t size_bytes = 0;
  };
  Result<std::vector<Ino>> find_waiting() const;
  // The archive whose bytes are not needed any more, if a recipe took their place.
  Result<std::optional<Replaced>> compact_one(Ino container, const std::atomic<bool>& cancel);

  RegistryCore& core_;
  GarbageCollector& garbage_;
};

}  // namespace modelfs
