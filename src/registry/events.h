// The journal of what happened, for people and for programs that follow it: one JSON object a line.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Safe for concurrent use. A full disk loses lines, never the daemon.
class Events {
 public:
  static constexpr std::uint64_t kFileBytesMax = 16ull << 20;  // then `events` becomes `events.1`, replacing it
  static constexpr const char* kFileName = "events";
  static constexpr const char* kOldFileName = "events.1";
  // Numbers are numbers in JSON, and truths are truths.
  using Value = std::variant<std::string, std::uint64_t, bool>;
  using Fields = std::vector<std::pair<std::string_view, Value>>;

  // Appends to `events` in the store directory `dir`, which outlives this. -1: events are counted and not written.
  explicit Events(int dir, std::uint64_t file_bytes_max = kFileBytesMax) : dir_(dir), file_bytes_max_(file_bytes_max) {}

  // {"time": "2026-11-21T22:00:00.123456789Z", "event": <what>, <fields>}. Text that is not UTF-8 is escaped. What is
  // in a domain's history too has the same name here, operation_name(), and its fields have the names that `modelfs log
  // --json` gives them.
  void append(std::string_view what, const Fields& fields) EXCLUDES(mutex_);

  // How often each has happened since the start, lost lines included.
  std::map<std::string, std::uint64_t, std::less<>> counts() const EXCLUDES(mutex_);
  // How often `events` was rotated since the start: a reader that finds it changed must reopen the file.
  std::uint64_t rotation_count() const EXCLUDES(mutex_);

 private:
  Status rotate_if_full() REQUIRES(mutex_);

  const int dir_;
  const std::uint64_t file_bytes_max_;
  mutable Mutex mutex_;  // held across the write, so that lines do not mix; taken with no other lock held
  File file_ GUARDED_BY(mutex_);
  std::map<std::string, std::uint64_t, std::less<>> counts_ GUARDED_BY(mutex_);
  std::uint64_t rotation_count_ GUARDED_BY(mutex_) = 0;
};

// "2026-11-21T22:00:00.123456789Z".
std::string iso_time(TimeNs time);

// "sha256:6b86…".
std::string digest_text(const Digest& digest);

}  // namespace modelfs
