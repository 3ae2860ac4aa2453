// Purging: what is in the trash goes for good, and its space comes back.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/names.h"
#include "base/status.h"
#include "base/types.h"
#include "registry/core.h"
#include "registry/garbage_collector.h"

namespace modelfs {

struct PurgeReport {
  std::uint64_t releases = 0;
  GcReport freed;  // at once, however young the blobs are; what is open goes with a later gc
};

// Safe for concurrent use. What stays of a purged release is its history and its tombstone: the name comes back only
// with the same content.
class Purger {
 public:
  Purger(RegistryCore& core, GarbageCollector& garbage) : core_(core), garbage_(garbage) {}

  // `trash_name`: its name in the trash. NotFound. NotPermitted unless `who` owns the domain: nobody can take it back.
  Result<PurgeReport> purge(const DomainName& domain, std::string_view trash_name, const Credentials& who);
  // Everything that was removed at `removed_until` or before, also from domains that were removed since. The caller has
  // judged `who`, whom the history names.
  Result<PurgeReport> empty_trash(TimeNs removed_until, const Credentials& who);

 private:
  struct Candidate;
  Status check_history() const;
  Status purge_release(const Candidate& candidate, const Credentials& who, bool is_judged,
                       GarbageCollector::Sizes& freed);

  RegistryCore& core_;
  GarbageCollector& garbage_;
};

}  // namespace modelfs
