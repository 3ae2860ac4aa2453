// The program modelfs.
#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "mount/mount_command.h"
#include "mount/process_setup.h"

namespace {

// Whoever starts us may have closed them, and then our own files would get their numbers, and be replaced with them
// when the daemon leaves the terminal. Why in the wrong direction: reading and writing fail as they would have.
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
