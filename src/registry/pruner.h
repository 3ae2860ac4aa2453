// Pruning: old releases go to the trash, those that something holds stay.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/names.h"
#include "base/status.h"
#include "base/types.h"
#include "registry/core.h"
#include "registry/labels.h"
#include "registry/model_states.h"
#include "registry/trash.h"

namespace modelfs {

// A release is kept that one of these keeps.
struct PruneRule {
  std::optional<std::uint64_t> keep_last;            // so many of the newest
  std::optional<std::uint64_t> keep_within_seconds;  // those published since
  bool is_dry_run = false;
};

// What became of one release, or would.
struct PruneVerdict {
  std::string version;
  TimeNs published{};
  std::uint64_t total_bytes = 0;  // of the release, without its generations
  // "latest", "label prod", "state production", "open", and what the rule says; empty: it goes to the trash.
  std::vector<std::string> kept_by;
};

// Safe for concurrent use.
class Pruner {
 public:
  // Whether somebody has a file open of the release or generation whose directory has this number.
  using IsOpen = std::function<bool(Ino container)>;

  Pruner(RegistryCore& core, Trash& trash, ModelStates& states) : core_(core), trash_(trash), states_(states) {}

  // All releases of a domain, newest first. Denied. InvalidArgument: the rule keeps nothing, so it was not meant.
  Result<std::vector<PruneVerdict>> prune(const DomainName& domain, const PruneRule& rule, const IsOpen& is_open,
                                          const Credentials& who);

 private:
  Result<std::vector<PruneVerdict>> judge(const DomainName& domain, const PruneRule& rule, const IsOpen& is_open,
                                          const Credentials& who);

  RegistryCore& core_;
  Trash& trash_;
  ModelStates& states_;
};

}  // namespace modelfs
