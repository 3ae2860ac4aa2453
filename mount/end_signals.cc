#include "mount/end_signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace modelfs {

Result<EndSignals> EndSignals::block() {
  sigset_t ending;
  ::sigemptyset(&ending);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&ending, number);
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &ending, nullptr); error != 0) {
    return Status::from_errno(error, "block signals");
  }
  File queue(::signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!queue.valid()) return Status::from_errno(errno, "signalfd");
  return EndSignals(std::move(queue));
}

int EndSignals::take() const {
  signalfd_siginfo info{};
  if (::read(queue_.fd(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return 0;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace modelfs
