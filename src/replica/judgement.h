// Whether the batches of a record hold, and what they change together.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "replica/log_record.h"
#include "store/key_value_store.h"

namespace modelfs {

// The state of a store, and on it the batches that were taken so far. One thread at a time; `below` outlives it.
class Judgement {
 public:
  explicit Judgement(const KeyValueSnapshot& below) : below_(below) {}

  // Whether all that `batch` expects holds after what was taken. Fails as the store does.
  Result<bool> holds(const LoggedBatch& batch) const;
  // Whether it holds where none was taken.
  Result<bool> holds_below(const LoggedBatch& batch) const;
  void take(const LoggedChanges& changes);
  // All that was taken, as one batch without expectations.
  Batch merged() const;

 private:
  Result<std::optional<std::string>> value_of(std::string_view key) const;
  Result<std::optional<std::string>> value_below(std::string_view key) const;

  const KeyValueSnapshot& below_;
  std::set<std::string> erase_prefixes_;
  std::set<std::string> erases_;
  std::map<std::string, std::string> puts_;  // later than all that is erased
};

}  // namespace modelfs
