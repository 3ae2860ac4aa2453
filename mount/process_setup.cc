#include "mount/process_setup.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <csignal>
#include <cstring>
#include <string>

#include "base/log.h"

namespace modelfs {
namespace {

// Pools of memory that malloc keeps for threads. Why not its default, 8 for each processor: each keeps the memory that
// its threads have freed. Measured: half the memory after commits of many files, and neither opens nor copies took
// longer.
constexpr int kMallocArenasMax = 2;
// What glibc takes from `ulimit -s` otherwise, and a small one there would end a thread of ours by SIGSEGV.
constexpr std::size_t kThreadStackBytes = 8 << 20;
// Passthrough and readers hold one descriptor for each open file.
constexpr rlim_t kFilesMin = 4096;

// A daemon that nobody uses has about 30 open, most of them the catalog's.
constexpr rlim_t kFilesLeast = 64;

struct Limit {
  decltype(RLIMIT_NOFILE) resource;
  rlim_t enough;         // a hard limit below it is told
  const char* what_for;  // what goes wrong at the limit
};

constexpr std::array kLimits = {
    Limit{RLIMIT_NOFILE, kFilesMin, "files that are open at once (ulimit -n, LimitNOFILE=)"},
    Limit{RLIMIT_FSIZE, RLIM_INFINITY, "bytes of a file; larger ones are refused (ulimit -f, LimitFSIZE=)"},
    Limit{RLIMIT_AS, RLIM_INFINITY, "bytes of address space; requests fail beyond it (ulimit -v, LimitAS=)"},
    Limit{RLIMIT_DATA, RLIM_INFINITY, "bytes of data; requests fail beyond it (ulimit -d, LimitDATA=)"},
    Limit{RLIMIT_CPU, RLIM_INFINITY, "seconds of processor time; the daemon is killed then (ulimit -t, LimitCPU=)"},
    // Why never told: it is finite everywhere, and counts the threads of all processes of the user.
    Limit{RLIMIT_NPROC, 0, "threads"},
};

void setup_daemon_signals() {
  setup_signals();
  std::signal(SIGPIPE, SIG_IGN);  // a client of the socket that hangs up is an error of its own write
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

void raise(const Limit& limit) {
  rlimit now{};
  if (::getrlimit(limit.resource, &now) != 0) return;
  if (now.rlim_cur != now.rlim_max) {
    now.rlim_cur = now.rlim_max;
    ::setrlimit(limit.resource, &now);
  }
  if (now.rlim_max < limit.enough) log::warn("limited to {} {}", now.rlim_max, limit.what_for);
}

void fix_thread_stacks() {
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return;
  ::pthread_attr_setstacksize(&attributes, kThreadStackBytes);
  if (const int error = ::pthread_setattr_default_np(&attributes); error != 0) {
    log::warn("threads keep the stacks of `ulimit -s`: {}", std::strerror(error));
  }
  ::pthread_attr_destroy(&attributes);
}

}  // namespace

void setup_signals() {
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGCHLD, SIG_DFL);
}

Status setup_process() {
  ::umask(077);
  ::mallopt(M_ARENA_MAX, kMallocArenasMax);
  setup_daemon_signals();
  for (const Limit& limit : kLimits) raise(limit);
  fix_thread_stacks();
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= kFilesLeast) return {};
  return {Code::NoSpace, "limited to " + std::to_string(files.rlim_cur) + " files that are open at once, and " +
                             std::to_string(kFilesLeast) +
                             " are the least that a daemon can work with (ulimit -n, LimitNOFILE=)"};
}

}  // namespace modelfs
