// Space that a store keeps in a file of its own, so that something can be removed although other programs have filled
// the disk. Why a file and not only a reserve of free space: the reserve holds back only our own commits.
#pragma once
#include <sys/types.h>

#include <cstdint>

#include "base/mutex.h"
#include "base/status.h"

namespace modelfs {

// Safe for concurrent use.
class Ballast {
 public:
  static constexpr const char* kName = "ballast";

  // `store_directory` stays open as long as this lives. What is there already is used, also when it is more than
  // `whole_bytes`; that is what refill() makes again. 0: it makes none.
  Ballast(int store_directory, std::uint64_t whole_bytes);

  std::uint64_t held_bytes() const;
  // Frees `bytes` of it, or all of it. Any program may use them.
  void give_back(std::uint64_t bytes);
  // Makes again what is missing, of at most `spare_bytes`. Costs nothing when it is whole. What the disk refuses is
  // left for the next opening.
  void refill(std::uint64_t spare_bytes);

 private:
  void take(std::uint64_t size_bytes) REQUIRES(mutex_);

  const int store_directory_;
  const std::uint64_t whole_bytes_;
  mutable Mutex mutex_;  // leaf lock
  std::uint64_t held_bytes_ GUARDED_BY(mutex_) = 0;
  bool refused_ GUARDED_BY(mutex_) = false;  // the disk cannot, or may not, take it
};

}  // namespace modelfs
