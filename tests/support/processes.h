// What /proc says of other processes.
#pragma once
#include <sys/types.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace modelfs {

struct Task {
  std::string name;
  char state = ' ';  // as ps(1) shows it; ' ': there is none
  pid_t parent = 0;
};

// Of a process (/proc/N) or one of its threads (/proc/N/task/M).
inline Task task_at(const std::filesystem::path& directory) {
  std::string line;
  std::getline(std::ifstream(directory / "stat"), line);
  const auto open = line.find('(');
  const auto close = line.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 4 > line.size()) return {};
  return {line.substr(open + 1, close - open - 1), line[close + 2], std::atoi(line.c_str() + close + 4)};
}

// The process of that name that `parent` has started; 0: there is none.
inline pid_t child_named(pid_t parent, std::string_view name) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const Task task = task_at(entry.path());
    if (task.parent == parent && task.name == name) return std::atoi(entry.path().filename().c_str());
  }
  return 0;
}

// Also when nobody has asked how.
inline bool has_ended(pid_t process) {
  const char state = task_at("/proc/" + std::to_string(process)).state;
  return state == ' ' || state == 'Z';
}

// Whether one of its threads waits in the kernel and cannot be woken.
inline bool is_stuck(pid_t process) {
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task", gone)) {
    if (task_at(thread.path()).state == 'D') return true;
  }
  return false;
}

}  // namespace modelfs
