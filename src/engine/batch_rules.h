// What every engine demands of a Batch before it looks at a key.
#pragma once
#include <cstddef>

#include "store/key_value_store.h"

namespace modelfs {

inline constexpr std::size_t kKeyBytesMax = 64 << 10;

// InvalidArgument: a value or an erased prefix is empty. TooLarge: a key is longer than kKeyBytesMax.
inline Status check_batch(const Batch& batch) {
  const auto fits = [](const std::string& key) { return key.size() <= kKeyBytesMax; };
  const Status too_long(Code::TooLarge, "a key is longer than " + std::to_string(kKeyBytesMax) + " bytes");

  for (const Batch::Expectation& expectation : batch.expectations) {
    if (!fits(expectation.key)) return too_long;
  }
  for (const std::string& key : batch.erases) {
    if (!fits(key)) return too_long;
  }
  for (const std::string& prefix : batch.erase_prefixes) {
    if (!fits(prefix)) return too_long;
    // Why: it begins every key, and no caller means that.
    if (prefix.empty()) return Status(Code::InvalidArgument, "an empty prefix would erase everything");
  }
  for (const Batch::Put& put : batch.puts) {
    if (!fits(put.key)) return too_long;
    if (put.value.empty()) return Status(Code::InvalidArgument, "a value is empty");
  }
  return {};
}

}  // namespace modelfs
