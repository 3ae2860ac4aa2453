// Whoever reads a file behind its writer.
#pragma once
#include <cstdint>

#include "base/status.h"

namespace modelfs {

// Told by a DraftFile, under its lock but for verdict(): the calls must be short and take leaf locks only.
class WriteListener {
 public:
  virtual ~WriteListener() = default;
  // The first `bytes` bytes are there, and were written in order. Grows from call to call.
  virtual void grown(std::uint64_t bytes) = 0;
  // Some of those bytes may change from now on. Comes before they do; nothing comes afterwards that could be relied on.
  virtual void spoiled() = 0;
  // What nothing that is written behind those bytes can cure; Ok as long as that is not known. Called without a lock:
  // may wait a moment, once.
  virtual Status verdict() = 0;
};

}  // namespace modelfs
