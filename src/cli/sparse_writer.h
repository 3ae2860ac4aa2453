// Writes a file from its start, hashing it, and leaves out what would be zeros.
#pragma once
#include <cstdint>

#include "base/digest.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

enum class Zeros { Write, LeaveOut };

// Used by one thread. `fd` is an empty file, open for writing, and outlives it.
class SparseWriter {
 public:
  SparseWriter(int fd, Zeros zeros) : fd_(fd), zeros_(zeros) {}

  Status append(ByteView bytes);
  // Gives the file its length, and the hash of all that was appended.
  Result<Digest> finish();
  std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  const int fd_;
  const Zeros zeros_;
  Hasher hasher_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace modelfs
