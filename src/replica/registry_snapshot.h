// All shared keys at one place of the log, as objects of the bucket: where a new host begins, instead of reading the
// log from its first record. FORMAT.md has their bytes.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "catalog/remote_records.h"
#include "store/key_value_store.h"
#include "store/remote.h"

namespace modelfs {

// The object `snap/<slot>/index`.
struct SnapshotIndex {
  struct Part {
    std::string object;
    std::uint64_t size_bytes = 0;
    Digest digest;
    bool operator==(const Part&) const = default;
  };
  static constexpr std::size_t kBytesMax = 16ull << 20;

  std::string registry_id;
  std::uint64_t next_slot = 1;  // the first record that is not in it
  Digest chain;                 // hash of the record before that
  std::vector<Part> parts;

  std::string encode() const;
  // Corrupt, Unsupported: as LogRecord::decode.
  static Result<SnapshotIndex> decode(std::string_view bytes);
  static std::string object_of(std::uint64_t next_slot);
};

// Parts are this long, or by one value longer.
inline constexpr std::size_t kSnapshotPartBytes = 16ull << 20;
// A record whose slot is a multiple of this is followed by a snapshot, which the host makes that has put it.
inline constexpr std::uint64_t kSlotsBetweenSnapshots = 4096;

// Writes the shared keys of `keys`, which are those at `position`. Whoever else writes that snapshot writes the same
// bytes. May take long.
Status write_snapshot(const KeyValueSnapshot& keys, const PositionRecord& position, Remote& remote,
                      std::chrono::milliseconds patience);
// The same at the position that `keys` holds too, and says which that is.
Result<std::uint64_t> write_snapshot(const KeyValueSnapshot& keys, Remote& remote, std::chrono::milliseconds patience);

// The newest snapshot of the bucket; nullopt: there is none.
Result<std::optional<SnapshotIndex>> find_newest_snapshot(Remote& remote, std::chrono::milliseconds patience);

// Makes `local` what the snapshot says; its position comes last, and durably, so that a load that was interrupted is
// begun again. Whatever shared keys were there go. Corrupt: a part is damaged or missing; `local` has no position.
Status load_snapshot(const SnapshotIndex& index, Remote& remote, KeyValueStore& local,
                     std::chrono::milliseconds patience);

// Erases all shared keys.
Status clear_shared_keys(KeyValueStore& local);

}  // namespace modelfs
