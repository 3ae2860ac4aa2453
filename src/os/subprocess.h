// Other programs, and questions that may hang.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"

namespace modelfs {

struct Ran {
  int exit_code = -1;  // -1: it did not end by itself
  std::string output;  // of stdout and stderr, at most 64 KiB
};

// Runs a program, found in PATH, to its end.
Result<Ran> run_program(const std::vector<std::string>& arguments);

enum class Answer { Yes, No, None };

// Evaluates `question`, which may hang in the kernel, in a child process. No: also when there can be no such process.
// None: no answer within `patience_ms`, and the child is abandoned.
Answer ask_in_child(const std::function<bool()>& question, int patience_ms);

}  // namespace modelfs
