#include "mount/entry_invalidator.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "control/message.h"
#include "mount/fuse_limits.h"

namespace modelfs {
namespace {

// Where the socket is in the process; above it nothing is open.
constexpr int kSocketFd = STDERR_FILENO + 1;
constexpr int kRefuseEveryMs = 10;
constexpr char kDone = 'D';
// The kernel hands out no request to a reader with less room (fuse_dev_do_read): the largest WRITE with its header.
constexpr std::size_t kRequestRoomBytes = kRequestBytesMax + 4096;

// A /dev/fuse of its own on the same connection, so that the daemon's ends with the daemon.
Result<File> clone_of(int device) {
  File clone(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!clone.valid()) return Status::from_errno(errno, "/dev/fuse");
  std::uint32_t fd = static_cast<std::uint32_t>(device);
  if (::ioctl(clone.fd(), FUSE_DEV_IOC_CLONE, &fd) != 0) return Status::from_errno(errno, "clone /dev/fuse");
  return clone;
}

void tell_kernel(int device, std::uint64_t directory, const std::string& name) {
  fuse_out_header header{};
  header.error = FUSE_NOTIFY_INVAL_ENTRY;
  fuse_notify_inval_entry_out body{};
  body.parent = directory;
  body.namelen = static_cast<std::uint32_t>(name.size());
  const std::array<iovec, 3> parts{iovec{&header, sizeof header}, iovec{&body, sizeof body},
                                   iovec{const_cast<char*>(name.c_str()), name.size() + 1}};
  for (const iovec& part : parts) header.len += static_cast<std::uint32_t>(part.iov_len);
  // It fails when the kernel does not know the name, or is gone.
  (void)!::writev(device, parts.data(), parts.size());
}

bool wants_answer(std::uint32_t opcode) {
  return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT &&
         opcode != FUSE_NOTIFY_REPLY;
}

// The devices on which the kernel is being told something; all are of one connection.
using Devices = std::vector<std::weak_ptr<const File>>;

std::shared_ptr<const File> any_of(const Devices& devices) {
  for (const auto& device : devices) {
    if (auto held = device.lock()) return held;
  }
  return nullptr;
}

// Answers requests to a daemon that is gone with an error, as long as an invalidation is in progress: the holder of the
// directory's lock may wait for an answer to such a request.
void refuse_requests(const Devices& devices) {
  std::vector<char> request(kRequestRoomBytes);
  while (const auto device = any_of(devices)) {
    pollfd asked{device->fd(), POLLIN, 0};
    ::poll(&asked, 1, kRefuseEveryMs);
    if ((asked.revents & POLLERR) != 0) return;  // the connection is gone already
    // Must not block: the only request may be withdrawn by its sender between poll() and read().
    ::fcntl(device->fd(), F_SETFL, O_NONBLOCK);
    fuse_in_header header{};
    if (::read(device->fd(), request.data(), request.size()) < static_cast<ssize_t>(sizeof header)) continue;
    std::memcpy(&header, request.data(), sizeof header);
    if (!wants_answer(header.opcode)) continue;
    const fuse_out_header refusal{.len = sizeof refusal, .error = -ENOTCONN, .unique = header.unique};
    (void)!::write(device->fd(), &refusal, sizeof refusal);
  }
}

void keep_only(int socket) {
  ::prctl(PR_SET_NAME, "modelfs-forget");
  ::setsid();  // what a terminal sends to the daemon is not for this process
  (void)!::chdir("/");
  const int kept = ::fcntl(socket, F_DUPFD, kSocketFd);  // above what is replaced now
  const int nothing = ::open("/dev/null", O_RDWR);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing, fd);
  ::dup2(kept, kSocketFd);
  ::closefrom(kSocketFd + 1);
  // It ends with the daemon, and not before: a service manager signals both processes, and a pipe for a report may have
  // no reader any more.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
}

// What the kernel is to be told, on which device, and a pipe on which the end is reported.
struct Order {
  std::shared_ptr<const File> device;
  File done;
  std::uint64_t directory = 0;
  std::string name;
};

void carry_out(Order& order) {
  tell_kernel(order.device->fd(), order.directory, order.name);
  // First, so that afterwards the connection belongs to the daemon alone again.
  order.device.reset();
  (void)!::write(order.done.fd(), &kDone, 1);
}

// Runs the process. Each order is carried out in a thread of its own, because any may take long. One for which no
// thread can be started is dropped, and its sender is told.
[[noreturn]] void serve() noexcept {
  Devices devices;
  for (;;) {
    auto received = receive_message(kSocketFd);
    if (received.ok() && !received->has_value()) break;  // the daemon is gone
    if (!received.ok()) {
      // What follows on the socket is unknown. The daemon goes on without this process.
      ::shutdown(kSocketFd, SHUT_RDWR);
      ::_exit(1);
    }
    Message& message = **received;
    const auto order = std::make_shared<Order>();
    order->device = std::make_shared<const File>(std::move(message.descriptors.at(0)));
    order->done = std::move(message.descriptors.at(1));
    order->directory = message.body.at("directory").get<std::uint64_t>();
    order->name = std::move(message.bytes);
    std::erase_if(devices, [](const auto& earlier) { return earlier.expired(); });
    devices.push_back(order->device);
    try {
      std::thread([order] { carry_out(*order); }).detach();
    } catch (const std::system_error&) {
      continue;
    }
  }
  refuse_requests(devices);
  ::_exit(0);
}

}  // namespace

EntryInvalidator::EntryInvalidator() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
  const MutexLock lock(mutex_);
  socket_ = File(ends[0]);
  const File theirs(ends[1]);
  process_ = ::fork();
  if (process_ < 0) socket_.reset();
  if (process_ != 0) return;
  socket_.reset();  // otherwise it would never see that the daemon is gone
  keep_only(theirs.fd());
  serve();
}

EntryInvalidator::~EntryInvalidator() {
  {
    const MutexLock lock(mutex_);
    socket_.reset();
  }
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);  // it may have been stopped by a signal
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Status EntryInvalidator::forget(int device, Ino directory, const std::string& name) {
  auto clone = clone_of(device);
  if (!clone.ok()) return clone.status();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Status::from_errno(errno, "pipe");
  const File done(ends[0]);
  Message order{.body = {{"directory", raw(directory)}}, .bytes = name, .descriptors = {}};
  order.descriptors.push_back(*std::move(clone));
  order.descriptors.emplace_back(ends[1]);
  {
    const MutexLock lock(mutex_);
    if (!socket_.valid()) return {Code::Unsupported, "it has not started"};
    if (Status status = send_message(socket_.fd(), order); !status.ok()) return status;
  }
  // Ours are copies: the pipe ends when the process has closed its own.
  order.descriptors.clear();
  char word = 0;
  while (::read(done.fd(), &word, 1) < 0 && errno == EINTR) {
  }
  return word == kDone ? Status() : Status(Code::IoError, "the second process has refused it");
}

}  // namespace modelfs
