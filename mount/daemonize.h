// A daemon that goes into the background when it works, and not before.
#pragma once
#include <sys/types.h>

#include <functional>

#include "base/file.h"

namespace modelfs {

// How the daemon tells the process that started it that it is ready. Used by one thread.
class Readiness {
 public:
  // For a daemon that stays in the foreground: no process waits for it.
  Readiness() = default;
  explicit Readiness(File starter) : starter_(std::move(starter)) {}

  // Announces that the daemon serves. False: the starter is gone without having read it, so the daemon is to end.
  bool announce();
  bool is_awaited() const { return starter_.valid(); }

 private:
  File starter_;  // a pipe; invalid: no process waits
};

// Runs `daemon` in a child process with a session of its own, and waits until it has announced itself, or has ended.
// Returns, in the parent, what `when_ready(child)` says, or the exit code of a daemon that ended before; in the child,
// what `daemon` returns. Until it announces itself the child keeps the terminal for its messages. Call it while there
// is one thread only.
int run_in_background(const std::function<int(Readiness&)>& daemon, const std::function<int(pid_t child)>& when_ready);

}  // namespace modelfs
