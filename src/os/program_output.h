// A program that is asked for something: what it writes to stdout, within a time.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace modelfs {

struct ProgramQuestion {
  std::vector<std::string> arguments;  // the program first, found in PATH
  // As whom it runs; none: as we do. Only root may name another.
  struct User {
    uid_t uid = 0;
    gid_t gid = 0;
  };
  std::optional<User> user;
  std::string home;  // its HOME; empty: ours
  std::chrono::steady_clock::time_point deadline;
  std::size_t output_bytes_max = 64 << 10;
};

// What it wrote, if it ended with 0. Its stdin is empty, and what it says on stderr is lost: it may hold what nobody is
// to see. NotFound: there is no such program. Unavailable: it did not end in time, and was killed. TooLarge. IoError:
// it ended otherwise.
Result<std::string> ask_program(const ProgramQuestion& question);

}  // namespace modelfs
