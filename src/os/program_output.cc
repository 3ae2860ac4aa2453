#include "os/program_output.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <limits>

#include "base/file.h"

namespace modelfs {
namespace {

constexpr int kNotThereCode = 127;
constexpr int kNotAllowedCode = 126;

// Everything that the child needs is made before the fork: after it, others' locks may be held for ever.
struct Prepared {
  std::vector<std::string> environment;
  std::vector<char*> argument_pointers;
  std::vector<char*> environment_pointers;
};

Prepared prepare(const ProgramQuestion& question) {
  Prepared prepared;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (question.home.empty() || !text.starts_with("HOME=")) prepared.environment.emplace_back(text);
  }
  if (!question.home.empty()) prepared.environment.push_back("HOME=" + question.home);
  for (std::string& entry : prepared.environment) prepared.environment_pointers.push_back(entry.data());
  prepared.environment_pointers.push_back(nullptr);
  for (const std::string& argument : question.arguments) {
    prepared.argument_pointers.push_back(const_cast<char*>(argument.c_str()));
  }
  prepared.argument_pointers.push_back(nullptr);
  return prepared;
}

[[noreturn]] void run_child(const ProgramQuestion& question, const Prepared& prepared, int output, int nothing) {
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(nothing, STDERR_FILENO);
  ::setpgid(0, 0);  // so that its own children are killed with it
  if (question.user) {
    const auto& user = *question.user;
    if (::setgroups(0, nullptr) != 0 || ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0) ::_exit(kNotAllowedCode);
  }
  ::execvpe(prepared.argument_pointers[0], prepared.argument_pointers.data(), prepared.environment_pointers.data());
  ::_exit(kNotThereCode);
}

int milliseconds_until(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, std::numeric_limits<int>::max()));
}

Status read_output(const ProgramQuestion& question, int reader, std::string& output) {
  std::array<char, 4096> piece{};
  for (;;) {
    pollfd readable{reader, POLLIN, 0};
    const int ready = ::poll(&readable, 1, milliseconds_until(question.deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return {Code::Unavailable, question.arguments[0] + " did not end in time"};
    const ssize_t got = ::read(reader, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    output.append(piece.data(), static_cast<std::size_t>(got));
    if (output.size() > question.output_bytes_max) return {Code::TooLarge, question.arguments[0] + " wrote too much"};
  }
}

Status end_of(pid_t child, const std::string& program) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return Status::from_errno(errno, "wait for " + program);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotThereCode) return {Code::NotFound, program + " cannot be run"};
  if (WIFEXITED(status)) {
    return {Code::IoError, program + " ended with exit code " + std::to_string(WEXITSTATUS(status))};
  }
  return {Code::IoError, program + " was killed"};
}

}  // namespace

Result<std::string> ask_program(const ProgramQuestion& question) {
  if (question.arguments.empty()) return Status(Code::InvalidArgument, "no program is named");
  const std::string& program = question.arguments[0];
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Status::from_errno(errno, "make a pipe");
  const File reader(ends[0]);
  File writer(ends[1]);
  auto nothing = open_at(AT_FDCWD, "/dev/null", O_RDWR);
  if (!nothing.ok()) return nothing.status();
  const Prepared prepared = prepare(question);
  const pid_t child = ::fork();
  if (child < 0) return Status::from_errno(errno, "start " + program);
  if (child == 0) run_child(question, prepared, writer.fd(), nothing->fd());
  ::setpgid(child, child);  // also here: whichever comes first
  writer.reset();
  std::string output;
  const Status read = read_output(question, reader.fd(), output);
  if (!read.ok()) ::kill(-child, SIGKILL);
  const Status ended = end_of(child, program);
  if (!read.ok()) return read;
  if (!ended.ok()) return ended;
  return output;
}

}  // namespace modelfs
