// The program modelfs.
#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "mount/mount_command.h"
#include "mount/process_setup.h"

namespace {

// The process that starts us may have closed them. Then files that we open would get their numbers, and be replaced
// when the daemon leaves the terminal. Why opened in the wrong direction: reading and writing must fail as they would
// have.
void open_missing_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number is this one.
    (void)::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

int main(int argc, char** argv) {
  open_missing_descriptors();
  modelfs::setup_signals();
  return modelfs::run_cli(argc, argv, modelfs::run_mount);
}
