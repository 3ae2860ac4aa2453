#include "replica/judgement.h"

namespace modelfs {
namespace {

template <class ValueOf>
Result<bool> all_hold(const LoggedBatch& batch, const ValueOf& value_of) {
  for (const LoggedBatch::Expected& expected : batch.expectations) {
    const auto value = value_of(expected.key);
    if (!value.ok()) return value.status();
    if (value->has_value() != expected.value.has_value()) return false;
    if (value->has_value() && hash_of(bytes_of(**value)).digest != *expected.value) return false;
  }
  return true;
}

}  // namespace

Result<bool> Judgement::holds(const LoggedBatch& batch) const {
  return all_hold(batch, [this](std::string_view key) { return value_of(key); });
}

Result<bool> Judgement::holds_below(const LoggedBatch& batch) const {
  return all_hold(batch, [this](std::string_view key) { return value_below(key); });
}

Result<std::optional<std::string>> Judgement::value_of(std::string_view key) const {
  const std::string wanted(key);
  if (const auto put = puts_.find(wanted); put != puts_.end()) return std::optional(put->second);
  if (erases_.contains(wanted)) return std::optional<std::string>();
  for (const std::string& prefix : erase_prefixes_) {
    if (key.starts_with(prefix)) return std::optional<std::string>();
  }
  return value_below(key);
}

Result<std::optional<std::string>> Judgement::value_below(std::string_view key) const {
  auto value = below_.get(key);
  if (value.code() == Code::NotFound) return std::optional<std::string>();
  if (!value.ok()) return value.status();
  return std::optional(*std::move(value));
}

void Judgement::take(const LoggedChanges& changes) {
  for (const std::string& prefix : changes.erase_prefixes) {
    erase_prefixes_.insert(prefix);
    for (auto put = puts_.lower_bound(prefix); put != puts_.end() && put->first.starts_with(prefix);) {
      put = puts_.erase(put);
    }
  }
  for (const std::string& key : changes.erases) {
    erases_.insert(key);
    puts_.erase(key);
  }
  for (const Batch::Put& put : changes.puts) puts_[put.key] = put.value;
}

Batch Judgement::merged() const {
  Batch batch;
  for (const std::string& prefix : erase_prefixes_) batch.erase_prefix(prefix);
  for (const std::string& key : erases_) batch.erase(key);
  for (const auto& [key, value] : puts_) batch.put(key, value);
  return batch;
}

}  // namespace modelfs
