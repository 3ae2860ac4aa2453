// Drafts as people see them: all of them, and the one at a path, for those who may come to it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"
#include "registry/access.h"
#include "registry/core.h"

namespace modelfs {

// A draft, as `modelfs status` lists it.
struct DraftSummary {
  std::string path;  // "churn/.stage/x", "churn/1.2.0" (under a version's name), "scratch.txt"
  bool under_version = false;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  TimeNs changed{};  // newest mtime in it
  Ownership owner;
};

// The draft at a path such as "churn/.stage/x": its directory, name and number. NotFound.
struct FoundDraft {
  Ino directory = kNoIno;
  std::string name;
  DraftEntry entry;
  Ownership directory_owner{};  // as it is presented; of a place that is committed, its domain's
  bool is_in_place = false;     // lies under a version's name
  bool is_sticky = false;       // only its owner, the directory's and root may take its name away
};

// Safe for concurrent use.
class DraftList {
 public:
  explicit DraftList(RegistryCore& core) : core_(core) {}

  // Every draft in the store; `owner` limits to drafts of that user.
  Result<std::vector<DraftSummary>> list(std::optional<uid_t> owner);
  // For those who name drafts by a path and ask no kernel. Denied: `who` may not search a directory on the way, so he
  // does not learn what is in it. NotFound.
  Result<FoundDraft> find(std::string_view path, const Credentials& who);
  // Ok for who may read the draft `ino`, of whose mode `mode_mask` counts. Denied, NotFound.
  Status check_disclosing(const Credentials& who, Ino ino, std::uint32_t mode_mask, std::string_view what) const;

 private:
  Result<DraftSummary> summarise_draft(const DraftName& draft);

  RegistryCore& core_;
};

}  // namespace modelfs
