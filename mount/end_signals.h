// The signals that end the daemon, read from a descriptor instead of interrupting.
#pragma once
#include "base/file.h"
#include "base/status.h"

namespace modelfs {

// SIGTERM, SIGINT and SIGHUP. Create it before the first thread: every thread inherits that they are blocked.
class EndSignals {
 public:
  static Result<EndSignals> block();

  // Becomes readable when one has arrived.
  int descriptor() const { return queue_.fd(); }
  // The number of the signal that has arrived, or 0.
  int take() const;

 private:
  explicit EndSignals(File queue) : queue_(std::move(queue)) {}
  File queue_;
};

}  // namespace modelfs
