// The file NEWEST of a store: the newest commit that was acknowledged as Durable, kept outside the catalog, so that a
// catalog that has lost its end is not taken for an older one.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/mutex.h"

namespace modelfs {

inline constexpr const char* kNewestName = "NEWEST";

// Safe for concurrent use.
//
// Why it is written after each Durable commit and not synced: it is one write into the page cache, of about a
// microsecond, where a second sync would double what a commit costs. It survives the death of the process. What power
// loss takes of it leaves a mark that is behind, which is harmless: a mark is never ahead of what is on the disk, since
// the catalog's log was synced before it.
class NewestMark {
 public:
  struct Mark {
    std::uint64_t sequence = 0;  // RocksDB's own number of the last change of the commit
    std::string boot_id;         // of the machine's run that wrote it
  };

  enum class Access : std::uint8_t { ReadWrite, ReadOnly };

  // A file that is absent, or cannot be written, is no failure: then less is known.
  NewestMark(int store_directory, Access access);
  ~NewestMark();
  NewestMark(const NewestMark&) = delete;
  NewestMark& operator=(const NewestMark&) = delete;

  // The last one written, or else found; nothing where there is none, or its bytes are damaged.
  std::optional<Mark> last() const EXCLUDES(mutex_);
  // It is of the same run of the machine as now: whatever was written since is there, on the disk or in the page cache.
  bool is_of_this_boot() const EXCLUDES(mutex_);

  // All changes up to `sequence` are on the disk. A lower one than before is nothing new.
  void advance(std::uint64_t sequence) EXCLUDES(mutex_);

 private:
  const std::string boot_id_;
  mutable Mutex mutex_;                         // leaf lock
  File file_ GUARDED_BY(mutex_);                // none: cannot be written
  bool is_written_ GUARDED_BY(mutex_) = false;  // by us
  std::optional<Mark> last_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
