// What is known of one open(2) of a draft file.
#pragma once
#include <sys/types.h>

#include <atomic>

namespace modelfs {

// Safe for concurrent use.
class DraftHandleState {
 public:
  DraftHandleState(bool writes, pid_t pid) : writes_(writes), pid_(pid) {}

  // Opened for writing.
  bool writes() const { return writes_; }
  // Who opened it; 0: nobody who could be named.
  pid_t pid() const { return pid_; }
  // Whether a descriptor was closed and nothing was written since: most likely the release is all that is still to
  // come.
  bool is_closing() const { return closing_; }
  void set_closing() { closing_ = true; }
  void set_written() {
    if (closing_) closing_ = false;
  }

 private:
  const bool writes_;
  const pid_t pid_;
  // Why one order for all: of two writers that close at the same time one must see that the other has.
  std::atomic<bool> closing_ = false;
};

}  // namespace modelfs
