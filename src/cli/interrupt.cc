#include "cli/interrupt.h"

#include <csignal>

namespace modelfs {
namespace {

volatile std::sig_atomic_t came = 0;

void note(int) { came = 1; }

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
}

Status check_interrupt() {
  return came == 0 ? Status() : Status(Code::Interrupted, "interrupted; nothing was changed");
}

}  // namespace modelfs
