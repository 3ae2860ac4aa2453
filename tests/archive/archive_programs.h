// Runs the programs that people unpack archives with.
#pragma once
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace modelfs {

struct ProgramOutcome {
  int exit_code = 0;
  std::string output;  // of both kinds
};

// Runs a line of shell in a UTF-8 locale.
inline ProgramOutcome run_program(const std::string& line) {
  ProgramOutcome outcome;
  FILE* const pipe = ::popen(("export LC_ALL=C.UTF-8 TZ=UTC; { " + line + "\n} 2>&1 </dev/null").c_str(), "re");
  if (pipe == nullptr) return {127, "no shell"};
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    outcome.output.append(buffer.data(), got);
  }
  const int status = ::pclose(pipe);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return outcome;
}

inline bool has_program(const std::string& name) { return run_program("command -v " + name).exit_code == 0; }

#define NEEDS_PROGRAM(name) \
  if (!has_program(name)) GTEST_SKIP() << (name) << " is not installed"

}  // namespace modelfs
