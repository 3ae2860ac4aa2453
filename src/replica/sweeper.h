// Frees what a registry's bucket holds and nobody refers to: what was uploaded and never published, and what was
// purged.
#pragma once
#include <chrono>
#include <cstdint>

#include "replica/commit_log.h"
#include "store/key_value_store.h"
#include "store/remote.h"

namespace modelfs {

struct SweepOptions {
  // An object that nobody has referred to for so long was left by somebody who died.
  std::chrono::seconds orphan_age = std::chrono::hours(24 * 7);
  // Between condemning an object and removing it: hosts that lag read it meanwhile.
  std::chrono::seconds grace = std::chrono::hours(24);
  std::chrono::milliseconds patience{60'000};  // for each request
  bool dry_run = false;
};

struct SweepReport {
  std::uint64_t objects = 0;    // that were looked at
  std::uint64_t bytes = 0;      // theirs
  std::uint64_t condemned = 0;  // now; in a dry run those that would be
  std::uint64_t condemned_bytes = 0;
  std::uint64_t removed = 0;  // that were condemned before
  std::uint64_t removed_bytes = 0;
  std::uint64_t waiting = 0;  // condemned, and not long enough
};

// An object goes in three steps, each of which any host may take, at any time, and twice:
// 1. It is condemned: `z/<object>`, by a record that counts `z` up. Every commit that refers to objects expects `z` as
// it
//    was and refers to no condemned object, so from that record on no new reference to it comes to be: who wants its
//    bytes brings them under another name. It is never pardoned: a second sweeper could be about to remove it.
// 2. After the grace, a host that has applied that record looks whether anything refers to it. If so, it stays.
// 3. Else it is removed, and then its keys go.
// Names are never used twice, so a removal may come late. Bodies of records stay with the log.
//
// `keys`: those whose commits go into the log. Unavailable, Denied: as the requests.
Result<SweepReport> sweep(Remote& remote, CommitLog& log, KeyValueStore& keys, const SweepOptions& options);

}  // namespace modelfs
