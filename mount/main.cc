// The program modelfs.
#include "cli/cli.h"
#include "mount/mount_command.h"

int main(int argc, char** argv) { return modelfs::run_cli(argc, argv, modelfs::run_mount); }
