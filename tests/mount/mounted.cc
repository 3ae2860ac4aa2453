#include "mount/mounted.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>

namespace modelfs {
namespace {

using Clock = std::chrono::steady_clock;

int left_ms(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left < 0 ? 0 : static_cast<int>(left);
}

File process_handle(pid_t pid) { return File(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

// What every mount of these tests is given beside its own: MODELFS_TEST_MOUNT_OPTIONS in the environment, so that the
// suite can be run in another mode ("no_passthrough").
std::string with_environment(const std::string& options) {
  const char* const more = std::getenv("MODELFS_TEST_MOUNT_OPTIONS");
  if (more == nullptr || *more == '\0') return options;
  return options.empty() ? more : options + "," + more;
}

void use_memory() {
  if (std::getenv("TMPDIR") == nullptr && ::access("/dev/shm", W_OK | X_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 0);
}

[[noreturn]] void become_daemon(const std::string& options, const std::string& store, const std::string& point,
                                const std::string& log) {
  // Why: a test program that crashes must not leave its mount behind.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  const std::string path = program_path();
  if (options.empty()) {
    ::execl(path.c_str(), path.c_str(), "mount", "-f", store.c_str(), point.c_str(), nullptr);
  } else {
    ::execl(path.c_str(), path.c_str(), "mount", "-f", "-o", options.c_str(), store.c_str(), point.c_str(), nullptr);
  }
  ::_exit(127);
}

}  // namespace

// MODELFS_BINARY in the environment names another one.
std::string program_path() {
  const char* const other = std::getenv("MODELFS_BINARY");
  return other != nullptr ? other : MODELFS_BINARY;
}

Outcome modelfs(const std::string& arguments) { return run("'" + program_path() + "' " + arguments); }

std::string why_no_mount() {
  const File device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device.valid()) return std::string("/dev/fuse cannot be opened: ") + std::strerror(errno);
  if (::access(program_path().c_str(), X_OK) != 0) return program_path() + " is not there; build the target modelfs";
  return "";
}

Mount::Mount() {
  use_memory();
  directory_ = std::make_unique<TemporaryDirectory>();
  ::chmod(directory_->path().c_str(), 0711);  // other users are to reach the mount point
  store_ = directory_->path() + "/store";
  point_ = directory_->path() + "/mnt";
  ::mkdir(point_.c_str(), 0755);
}

Mount::~Mount() {
  if (const std::string why = stop(); !why.empty()) ADD_FAILURE() << why << "\n" << log();
}

std::string Mount::log() const {
  auto file = open_at(AT_FDCWD, directory_->path() + "/log", O_RDONLY);
  if (!file.ok()) return "";
  auto text = read_all(file->fd(), 16 << 20);
  return text.ok() ? *text : "";
}

std::string Mount::status() const { return read_file(point_ + "/.modelfs/status.json"); }

namespace {

std::uint64_t figure_in(const std::string& status, const std::string& name) {
  const std::string key = "\"" + name + "\": ";
  const std::size_t at = status.find(key);
  std::uint64_t value = 0;
  if (at != std::string::npos) std::from_chars(status.data() + at + key.size(), status.data() + status.size(), value);
  return value;
}

}  // namespace

std::uint64_t Mount::figure(const std::string& name) const { return figure_in(status(), name); }

std::uint64_t Mount::requests(const std::vector<std::string>& kinds, const std::function<void()>& work) const {
  const auto hash = [&] {
    const std::string text = status();
    std::uint64_t count = 0;
    for (const std::string& kind : kinds) count += figure_in(text, kind);
    return count;
  };
  // Asking for the status causes some itself: as many each time.
  const std::uint64_t first = hash();
  const std::uint64_t second = hash();
  work();
  return hash() - second - (second - first);
}

bool Mount::is_mounted() const {
  struct stat above {};
  struct stat here {};
  return ::stat(directory_->path().c_str(), &above) == 0 && ::stat(point_.c_str(), &here) == 0 &&
         above.st_dev != here.st_dev;
}

std::string Mount::start(const std::string& options) {
  const File mounts(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  pid_ = ::fork();
  if (pid_ == 0) become_daemon(with_environment(options), store_, point_, directory_->path() + "/log");
  const File process = process_handle(pid_);
  const auto deadline = Clock::now() + std::chrono::milliseconds(kReadyMs);
  for (;;) {
    // The table of mounts tells when it changes, the handle when the process ends.
    std::array<pollfd, 2> awaited = {pollfd{mounts.fd(), POLLPRI, 0}, pollfd{process.fd(), POLLIN, 0}};
    if (is_mounted()) return "";
    if (::poll(awaited.data(), awaited.size(), left_ms(deadline)) == 0)
      return "the mount is not ready in time: " + log();
    if ((awaited[1].revents & POLLIN) != 0) {
      ::waitpid(pid_, nullptr, 0);
      pid_ = -1;
      return "the daemon ended: " + log();
    }
  }
}

bool Mount::wait_for_end(int limit_ms) {
  const File process = process_handle(pid_);
  pollfd awaited{process.fd(), POLLIN, 0};
  if (::poll(&awaited, 1, limit_ms) != 1) return false;
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
  return true;
}

void Mount::detach() const {
  if (::umount2(point_.c_str(), MNT_DETACH) != 0 && errno == EPERM) run("fusermount3 -uz '" + point_ + "'");
}

std::string Mount::stop() {
  if (pid_ < 0) return "";
  ::kill(pid_, SIGTERM);
  if (wait_for_end(kEndMs)) return is_mounted() ? "it is still mounted" : "";
  kill();
  return "the daemon did not end in time";
}

void Mount::kill() {
  ::kill(pid_, SIGKILL);
  wait_for_end(kEndMs);
  detach();
}

std::unique_ptr<Mount> Mounted::mount_;
std::string Mounted::skip_;
std::string Mounted::failure_;

void Mounted::start_suite(const std::string& options) {
  skip_ = why_no_mount();
  failure_.clear();
  if (!skip_.empty()) return;
  mount_ = std::make_unique<Mount>();
  failure_ = mount_->start(options);
}

void Mounted::TearDownTestSuite() { mount_.reset(); }

void Mounted::SetUp() {
  if (!skip_.empty()) GTEST_SKIP() << skip_;
  ASSERT_EQ(failure_, "");
  ::umask(022);
  name_ = testing::UnitTest::GetInstance()->current_test_info()->name();
  make_directory(domain());
}

void Mounted::make_draft(const std::string& name, const Files& files) const {
  make_directory(stage(name));
  for (const auto& [path, bytes] : files) {
    const std::string full = stage(name) + "/" + path;
    if (path.ends_with('/')) {
      make_directory(full.substr(0, full.size() - 1));
    } else {
      write_file(full, bytes);
    }
  }
}

void Mounted::publish(const std::string& version, const Files& files) const {
  make_draft("publish", files);
  ASSERT_EQ(error(::rename(stage("publish").c_str(), at(version).c_str())), 0) << version;
}

void make_model(const std::string& directory) {
  make_directory(directory);
  make_directory(directory + "/variables");
  make_directory(directory + "/empty");
  write_file(directory + "/weights", pattern(300'000));
  write_file(directory + "/run.sh", "#!/bin/sh\n", 0755);
  write_file(directory + "/variables/small", "abc");
  write_file(directory + "/nothing", "");
  ASSERT_EQ(error(::symlink("../weights", (directory + "/variables/link").c_str())), 0);
}

}  // namespace modelfs
