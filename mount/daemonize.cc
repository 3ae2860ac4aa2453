#include "mount/daemonize.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace modelfs {
namespace {

constexpr char kReady = 'R';
constexpr int kExitFailed = 1;

int complain(const char* what) {
  std::fprintf(stderr, "modelfs: %s: %s\n", what, std::strerror(errno));
  return kExitFailed;
}

// The wait status of `child`.
int wait_for(pid_t child) {
  int outcome = 0;
  while (::waitpid(child, &outcome, 0) < 0 && errno == EINTR) {
  }
  return outcome;
}

int exit_code_of(pid_t child) {
  const int outcome = wait_for(child);
  // A daemon that ends with 0 before it has served was told to end.
  if (WIFEXITED(outcome)) return WEXITSTATUS(outcome);
  std::fprintf(stderr, "modelfs: the daemon was ended by signal %d (%s) before it served\n", WTERMSIG(outcome),
               ::strsignal(WTERMSIG(outcome)));
  return kExitFailed;
}

}  // namespace

bool Readiness::announce() {
  if (!starter_.valid()) return true;
  const bool heard = ::write(starter_.fd(), &kReady, 1) == 1;  // SIGPIPE is ignored
  starter_.reset();
  return heard;
}

int run_in_background(const std::function<int(Readiness&)>& daemon, const std::function<int(pid_t child)>& when_ready) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return complain("pipe");
  File heard(ends[0]);
  File said(ends[1]);
  std::fflush(nullptr);  // or both processes would write what is buffered
  const pid_t child = ::fork();
  if (child < 0) return complain("fork");
  if (child == 0) {
    heard.reset();
    ::setsid();
    if (::chdir("/") != 0) return complain("chdir /");
    Readiness readiness(std::move(said));
    return daemon(readiness);
  }
  said.reset();
  char word = 0;
  ssize_t got = 0;
  while ((got = ::read(heard.fd(), &word, 1)) < 0 && errno == EINTR) {
  }
  return got == 1 && word == kReady ? when_ready(child) : exit_code_of(child);
}

}  // namespace modelfs
