// Compresses a stream with zstd.
#pragma once
#include <functional>
#include <memory>

#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Used by one thread at a time.
class ZstdWriter {
 public:
  // Takes the input, piece by piece.
  using Sink = std::function<Status(ByteView)>;

  explicit ZstdWriter(Sink sink);
  ~ZstdWriter();
  ZstdWriter(const ZstdWriter&) = delete;
  ZstdWriter& operator=(const ZstdWriter&) = delete;

  Status add(ByteView bytes);
  // Ends the stream, with a checksum.
  Status finish();

 private:
  struct State;
  Status pack(ByteView bytes, bool last);
  const Sink sink_;
  std::unique_ptr<State> state_;
};

}  // namespace modelfs
