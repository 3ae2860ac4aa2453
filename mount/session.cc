#include "mount/session.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "base/log.h"
#include "mount/fuse_log.h"
#include "mount/mount_point.h"
#include "mount/operations.h"
#include "mount/passthrough.h"
#include "os/unmount.h"

namespace modelfs {
namespace {

// Interrupts a worker that waits for a request.
constexpr int kWakeSignal = SIGUSR1;
constexpr int kWakeEveryMs = 10;

void install_wake_signal() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  ::sigemptyset(&action.sa_mask);
  // Why no SA_RESTART: the read is to return.
  ::sigaction(kWakeSignal, &action, nullptr);
}

void set_wake_signal(int how) {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, kWakeSignal);
  ::pthread_sigmask(how, &signals, nullptr);
}

// For libfuse's -o, where a comma ends an option.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == ',' || c == '\\') result.push_back('\\');
    result.push_back(c);
  }
  return result;
}

// The kernel's default for FUSE is 128 KiB, and INIT cannot raise it. Only root may; without it large files are read
// slower. Measured on Linux 6.18: 1 MiB helps files that the daemon serves, 8 MiB does not.
void raise_read_ahead(const std::string& device) {
  constexpr std::string_view kKib = "1024";
  const File setting(::open(("/sys/class/bdi/" + device + "/read_ahead_kb").c_str(), O_WRONLY | O_CLOEXEC));
  if (!setting.valid() || ::write(setting.fd(), kKib.data(), kKib.size()) < 0) {
    log::debug("read-ahead stays at the kernel's default");
  }
}

std::vector<std::string> arguments_of(const Session::Options& options) {
  std::string mount_options = "fsname=" + escaped(options.source) + ",subtype=modelfs,default_permissions,nosuid,nodev";
  if (options.allow_other) mount_options += ",allow_other";
  if (options.read_only) mount_options += ",ro";
  std::vector<std::string> arguments = {"modelfs", "-o", std::move(mount_options)};
  if (options.debug) arguments.emplace_back("-d");
  return arguments;
}

// How long to poll for requests. With a single processor, polling would keep the sender from running.
std::chrono::microseconds poll_window(std::chrono::microseconds wanted) {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  const bool is_alone = ::sched_getaffinity(0, sizeof processors, &processors) != 0 || CPU_COUNT(&processors) < 2;
  return is_alone ? std::chrono::microseconds(0) : wanted;
}

}  // namespace

Session::Session(std::string mount_point, MountContext& served, KernelCacheNotifier& notifier)
    : mount_point_(std::move(mount_point)), served_(served), notifier_(notifier) {}

Result<std::unique_ptr<Session>> Session::mount(const Options& options, MountContext& served,
                                                KernelCacheNotifier& notifier) {
  std::unique_ptr<Session> session(new Session(options.mount_point, served, notifier));
  if (Status status = session->open(options); !status.ok()) return status;
  return session;
}

Status Session::open(const Options& options) {
  route_fuse_log();
  install_wake_signal();
  ended_ = File(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!ended_.valid()) return Status::from_errno(errno, "eventfd");

  std::vector<std::string> arguments = arguments_of(options);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  fuse_args args{.argc = static_cast<int>(pointers.size()), .argv = pointers.data(), .allocated = 0};
  const fuse_lowlevel_ops table = operations();
  session_ = fuse_session_new(&args, &table, sizeof table, &served_);
  fuse_opt_free_args(&args);
  if (session_ == nullptr) return Status(Code::Internal, "libfuse refused its options: " + last_fuse_complaint());

  if (fuse_session_mount(session_, mount_point_.c_str()) != 0) {
    const std::string reason = last_fuse_complaint();  // empty: fusermount3 has said it
    return Status(Code::IoError, "cannot mount at " + mount_point_ + (reason.empty() ? "" : ": " + reason));
  }
  const auto mounted = mounted_at(mount_point_);
  if (mounted.ok() && *mounted) device_ = (*mounted)->device;
  if (Status status = served_.passthrough.connect(session_); !status.ok()) log::warn("{}", status.str());
  notifier_.connect(session_);
  polling_.emplace(poll_window(options.poll_window),
                   AdaptivePolling::Hooks{.is_there = [this] { return is_request_there(); },
                                          .wake_sleepers = [this] { wake_workers(); }});
  return {};
}

// Also when the connection has ended: a read then says so.
bool Session::is_request_there() const {
  pollfd device{fuse_session_fd(session_), POLLIN, 0};
  return ::poll(&device, 1, 0) != 0;
}

Session::~Session() {
  notifier_.disconnect();
  served_.passthrough.disconnect();
  // Not served, or it would be gone by now.
  if (!device_.empty() && workers_.empty()) detach();
  if (session_ == nullptr) return;
  // fuse_session_unmount() frees memory that nothing else does. Only where the connection is gone: else it would
  // unmount whatever lies at the mount point by now.
  pollfd device{fuse_session_fd(session_), 0, 0};
  if (::poll(&device, 1, 0) == 1 && (device.revents & POLLERR) != 0) fuse_session_unmount(session_);
  fuse_session_destroy(session_);
}

Status Session::start() {
  for (unsigned i = 0; i < kFuseThreads; ++i) {
    auto worker = std::make_unique<Worker>();
    worker->number = i;
    {
      const MutexLock lock(mutex_);
      ++running_;
    }
    try {
      worker->thread = std::thread([this, own = worker.get()] { answer_requests(*own); });
    } catch (const std::system_error& error) {
      const MutexLock lock(mutex_);
      --running_;
      // Fewer are slower, and enough.
      if (!workers_.empty()) break;
      return Status::from_errno(error.code().value(), "start a thread");
    }
    ::pthread_setname_np(worker->thread.native_handle(), ("fuse-" + std::to_string(i)).c_str());
    workers_.push_back(std::move(worker));
  }
  if (workers_.size() < kFuseThreads) log::warn("serving with {} threads of {}", workers_.size(), kFuseThreads);
  are_all_started_ = true;
  wait_for_first_answer();
  return {};
}

void Session::wait_for_first_answer() {
  const MutexLock lock(mutex_);
  // The kernel sends INIT by itself. A worker that ends before means that nothing can be agreed on.
  while (!is_agreed_ && running_ == workers_.size()) changed_.wait(mutex_);
}

void Session::note_first_answer() {
  const MutexLock lock(mutex_);
  is_agreed_ = true;
  changed_.notify_all();
}

void Session::wake_workers() {
  if (!are_all_started_) return;  // others may still be added
  for (const auto& worker : workers_) {
    if (worker->waits) ::pthread_kill(worker->thread.native_handle(), kWakeSignal);
  }
}

// The signal is unblocked only while it waits: nothing else is to be interrupted.
int Session::receive(Worker& worker, fuse_buf& buffer) {
  worker.waits = true;
  set_wake_signal(SIG_UNBLOCK);
  const int got_bytes = fuse_session_receive_buf(session_, &buffer);
  set_wake_signal(SIG_BLOCK);
  worker.waits = false;
  return got_bytes;
}

void Session::answer_requests(Worker& worker) {
  fuse_buf buffer{};
  set_wake_signal(SIG_BLOCK);
  while (fuse_session_exited(session_) == 0) {
    const bool is_found = polling_->wait_for_turn(worker.number);
    const int got_bytes = receive(worker, buffer);
    if (got_bytes == -EINTR || got_bytes == -EAGAIN) continue;
    if (got_bytes <= 0) {
      if (got_bytes < 0) log::error("reading requests: {}", Status::from_errno(-got_bytes, "/dev/fuse").message());
      break;
    }
    // Never a pipe: splice was not agreed on.
    const RequestSketch request = sketch_of(buffer.mem, buffer.size);
    polling_->took(worker.number, request);
    served_.counts.on_received(request.kind);
    if (is_found) served_.counts.on_poll_hit();
    fuse_session_process_buf(session_, &buffer);
    // The first request is INIT, whose answer sets the read-ahead too.
    if (!is_initialized_.exchange(true)) {
      raise_read_ahead(device_);
      note_first_answer();
    }
  }
  polling_->end();
  std::free(buffer.mem);  // libfuse's malloc
  ::eventfd_write(ended_.fd(), 1);
  const MutexLock lock(mutex_);
  --running_;
  changed_.notify_all();
}

void Session::wait_for_end(const EndSignals& signals) {
  std::array<pollfd, 2> awaited = {pollfd{.fd = signals.descriptor(), .events = POLLIN, .revents = 0},
                                   pollfd{.fd = ended_.fd(), .events = POLLIN, .revents = 0}};
  while (::poll(awaited.data(), awaited.size(), -1) < 0 && errno == EINTR) {
  }
  if (const int number = signals.take(); number != 0) {
    log::info("signal {}: unmounting {}", number, mount_point_);
    detach();
  } else {
    log::info("{} is no longer mounted", mount_point_);
    remove_dead_mount();
  }
}

void Session::detach() {
  if (Status status = detach_mount(mount_point_, device_); !status.ok()) log::error("{}", status.str());
}

// A connection that was aborted (fusectl) leaves its mount behind.
void Session::remove_dead_mount() {
  // Why asked: when ours is gone, its device number may be another's already.
  if (error_of_mount(mount_point_) != ENOTCONN) return;
  log::warn("the connection to the kernel was aborted: detaching {}", mount_point_);
  detach();
}

void Session::stop() {
  // The kernel ends the connection when nothing in it is open; until then requests are answered.
  wait_for_workers(kGraceMs);
  fuse_session_exit(session_);
  polling_->end();
  do wake_workers();
  while (!wait_for_workers(kWakeEveryMs));
  for (const auto& worker : workers_) worker->thread.join();
}

bool Session::wait_for_workers(int limit_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
  const MutexLock lock(mutex_);
  while (running_ > 0) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) return false;
    changed_.wait_for(mutex_, left);
  }
  return true;
}

}  // namespace modelfs
