// From a path in the registry, as people write it, to what it names.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/path.h"
#include "catalog/snapshot.h"
#include "registry/registry.h"

namespace modelfs {

// "churn", "churn/1.2.0", "churn/latest", "churn/prod", "churn/1.2.0/4", "churn/1.2.0/latest",
// "churn/1.2.0/weights/a.bin".
struct NamedThing {
  DomainName domain;
  DomainRecord head;
  std::optional<ReleaseRecord> release;        // none: the path names the domain
  std::optional<GenerationRecord> generation;  // none: the release's own package
  std::string inside;                          // the rest of the path, inside the package: "weights/a.bin"

  // The directory number of the release or generation. There must be a release.
  Ino container() const { return generation ? generation->ino : release->ino; }
  // "churn/1.2.0/4", whatever symlinks it was reached by; without `inside`.
  std::string str() const;
};

// Denied for what `who` may not read. `latest` and labels are followed, as the mount's symlinks would be; what the
// package holds wins over `latest` inside a release. NotFound: says what is missing. InvalidArgument: the empty path.
// Denied.
Result<NamedThing> resolve(const Snapshot& snapshot, const Credentials& who, std::string_view path);

// The same for a path that must name a release or generation as a whole. InvalidArgument: it names something else.
Result<NamedThing> resolve_package(const Snapshot& snapshot, const Credentials& who, std::string_view path);

// Ok if `who` may list a directory of that owner and mode and stat its entries, as `ls -l` does.
Status authorise_reading(const Credentials& who, const Ownership& owner, std::string_view what);

}  // namespace modelfs
