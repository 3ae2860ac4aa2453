// Whoever reads a file behind its writer.
#pragma once
#include <cstdint>

namespace modelfs {

// Told by a DraftFile, under its lock: the calls must be short and take leaf locks only.
class WriteListener {
 public:
  virtual ~WriteListener() = default;
  // The first `bytes` bytes are there, and were written in order. Grows from call to call.
  virtual void grown(std::uint64_t bytes) = 0;
  // Some of those bytes may change from now on. Comes before they do; nothing comes afterwards that could be relied on.
  virtual void spoiled() = 0;
};

}  // namespace modelfs
