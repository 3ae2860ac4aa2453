#include "os/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/file.h"

namespace modelfs {
namespace {

constexpr std::size_t kOutputBytesMax = 64 * 1024;
constexpr int kNotFoundCode = 127;

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

[[noreturn]] void become(const std::vector<std::string>& arguments, int output) {
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  ::execvp(pointers[0], pointers.data());
  ::_exit(kNotFoundCode);
}

}  // namespace

Result<Ran> run_program(const std::vector<std::string>& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Status::from_errno(errno, "make a pipe");
  const File reader(ends[0]);
  File writer(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return Status::from_errno(errno, "start " + arguments[0]);
  if (child == 0) become(arguments, writer.fd());
  writer.reset();
  Ran ran;
  std::array<char, 4096> piece{};
  for (;;) {
    const ssize_t got = ::read(reader.fd(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    if (ran.output.size() < kOutputBytesMax) ran.output.append(piece.data(), static_cast<std::size_t>(got));
  }
  ran.exit_code = wait_for(child);
  if (ran.exit_code == kNotFoundCode) return Status(Code::NotFound, arguments[0] + " is not installed");
  while (ran.output.ends_with('\n')) ran.output.pop_back();
  return ran;
}

Answer ask_in_child(const std::function<bool()>& question, int patience_ms) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Answer::No;
  const File reader(ends[0]);
  File writer(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return Answer::No;
  if (child == 0) ::_exit(question() ? 0 : 1);
  writer.reset();
  pollfd end{reader.fd(), POLLIN, 0};
  if (::poll(&end, 1, patience_ms) != 1) {
    ::kill(child, SIGKILL);
    return Answer::None;
  }
  return wait_for(child) == 0 ? Answer::Yes : Answer::No;
}

}  // namespace modelfs
