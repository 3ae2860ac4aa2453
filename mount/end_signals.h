// The signals that end the daemon, as something to wait for instead of something that interrupts.
#pragma once
#include "base/file.h"
#include "base/status.h"

namespace modelfs {

// SIGTERM, SIGINT and SIGHUP. Create it before the first thread: every thread inherits that they are blocked.
class EndSignals {
 public:
  static Result<EndSignals> block();

  // Becomes readable when one has come.
  int descriptor() const { return queue_.fd(); }
  // The number of the signal that has come, or 0.
  int take() const;

 private:
  explicit EndSignals(File queue) : queue_(std::move(queue)) {}
  File queue_;
};

}  // namespace modelfs
