#include "control/server.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <list>
#include <system_error>
#include <thread>

#include "base/disk_refusal.h"
#include "base/log.h"
#include "control/context.h"
#include "control/dispatcher.h"
#include "control/open_socket.h"
#include "control/peer.h"

namespace modelfs {
namespace {

// How long a client may stall inside a message.
constexpr timeval kPatience{60, 0};
// How long it may be silent between two. A client that is busy with a file for longer sends `hello` meanwhile.
constexpr int kIdleMs = 600'000;
constexpr int kQueueMax = 64;
// How long the end of the daemon waits for the answers to what clients have asked. A commit is given less
// (Shutdown::kPatience).
constexpr std::chrono::seconds kLastAnswers{8};
// Between two tries when the process has no descriptor left for a client.
constexpr int kRetryMs = 100;

// Threads started while this exists block all signals: those are for the thread that runs the mount.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

Result<File> listen_in(int store_dir) {
  if (::unlinkat(store_dir, kControlSocketName, 0) != 0 && errno != ENOENT) {
    return Status::from_errno(errno, "remove the old control.sock");
  }
  File listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.valid()) return Status::from_errno(errno, "make a socket");
  const sockaddr_un address = socket_address(store_dir);
  if (::bind(listener.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Status::from_errno(errno, "make control.sock in the store");
  }
  // Every user who can reach the store's directory may connect: each request is authorised.
  if (::fchmodat(store_dir, kControlSocketName, 0666, 0) != 0) return Status::from_errno(errno, "open control.sock");
  if (::listen(listener.fd(), kQueueMax) != 0) return Status::from_errno(errno, "listen on control.sock");
  return listener;
}

// Ends when the peer closes the connection, stalls, or sends something that is not a message.
void serve(int socket, Dispatcher& dispatcher) {
  const auto emit = [socket](Message part) { return send_message(socket, part); };
  pollfd idle{socket, POLLIN, 0};
  while (::poll(&idle, 1, kIdleMs) == 1) {
    auto request = receive_message(socket);
    if (request.code() == Code::Malformed) log::debug("control: {}", request.status().message());
    if (!request.ok() || !*request) return;
    Message answer = dispatcher.handle(std::move(**request), emit);
    Status sent = send_message(socket, answer);
    if (sent.code() == Code::TooLarge) sent = send_message(socket, failure(sent));
    if (!sent.ok()) return;
  }
}

}  // namespace

struct ControlServer::State {
  struct Client {
    File socket;
    uid_t uid = 0;
    std::thread thread;
    bool done = false;  // guarded by mutex
  };

  State(Registry& registry, ArchiveUploads& archives, int store, Hooks hooks, ServedAt place)
      : context(registry, archives, std::move(hooks), std::move(place)), store_dir(store) {}

  void accept_clients();
  void admit(File socket);
  void converse(Client& client, Credentials who);
  void reap();
  void end_clients();
  int wait_for_event();
  void wake() const;

  ControlContext context;
  const int store_dir;
  File listener;
  OpenSocket others GUARDED_BY(mutex);  // none, or one for good
  File event;                           // a client ended, or everything is to end
  std::thread accepting;
  Mutex mutex;                                  // leaf lock
  Condition ended;                              // a client is done
  std::list<Client> clients GUARDED_BY(mutex);  // changed by `accepting` only
  std::uint64_t count GUARDED_BY(mutex) = 0;
};

void ControlServer::State::wake() const {
  const std::uint64_t one = 1;
  (void)!::write(event.fd(), &one, sizeof one);  // cannot fail before 2^64 - 1 ends
}

// The socket at which a client waits to be accepted, or -1. Does not look for one while there is no room.
int ControlServer::State::wait_for_event() {
  pollfd waits[3] = {{event.fd(), POLLIN, 0}, {listener.fd(), POLLIN, 0}, {-1, POLLIN, 0}};
  bool room = false;
  {
    const MutexLock lock(mutex);
    room = count < kConnectionsMax;
    if (others.valid()) waits[2].fd = others.fd();
  }
  if (::poll(waits, room ? 3 : 1, -1) < 0) return -1;
  std::uint64_t events = 0;
  if ((waits[0].revents & POLLIN) != 0) (void)!::read(event.fd(), &events, sizeof events);
  for (const pollfd& wait : {waits[1], waits[2]}) {
    if (room && (wait.revents & POLLIN) != 0) return wait.fd;
  }
  return -1;
}

void ControlServer::State::accept_clients() {
  ::pthread_setname_np(::pthread_self(), "control");
  while (!context.stopping) {
    const int waiting = wait_for_event();
    reap();
    if (waiting < 0 || context.stopping) continue;
    File socket(::accept4(waiting, nullptr, nullptr, SOCK_CLOEXEC));
    if (socket.valid()) {
      admit(std::move(socket));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      pollfd stop{event.fd(), POLLIN, 0};
      (void)::poll(&stop, 1, kRetryMs);
    }
  }
}

void ControlServer::State::admit(File socket) {
  auto who = peer_credentials(socket.fd());
  if (!who.ok()) return;
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  const bool trusted = authorise_store_owner(context.registry, *who, "").ok();
  Client* client = nullptr;
  {
    const MutexLock lock(mutex);
    const auto same =
        std::count_if(clients.begin(), clients.end(), [&](const Client& other) { return other.uid == who->uid; });
    if (trusted || same < kConnectionsPerUserMax) {
      client = &clients.emplace_back();
      client->socket = std::move(socket);
      client->uid = who->uid;
      ++count;
    }
  }
  if (client == nullptr) {
    // Fits into an empty socket's buffer: cannot block.
    (void)send_message(socket.fd(), failure({Code::Busy, "you have too many connections to the daemon; close one"}));
    return;
  }
  const SignalsBlocked blocked;
  try {
    client->thread = std::thread([this, client, who = *std::move(who)] { converse(*client, who); });
  } catch (const std::system_error& problem) {
    log::warn("no thread for a client of control.sock: {}", problem.what());
    // As above.
    (void)send_message(
        client->socket.fd(),
        failure({Code::Busy, "the daemon cannot start a thread for you; look at `ulimit -u` of its user"}));
    const MutexLock lock(mutex);
    clients.pop_back();
    --count;
  }
}

void ControlServer::State::converse(Client& client, Credentials who) {
  ::pthread_setname_np(::pthread_self(), "client");
  const int socket = client.socket.fd();
  {
    const auto ready = [socket] {
      pollfd wait{socket, POLLOUT, 0};
      return ::poll(&wait, 1, 0) == 1 && (wait.revents & POLLOUT) != 0;
    };
    Dispatcher dispatcher(context, std::move(who), ready);
    serve(socket, dispatcher);
  }
  ::shutdown(socket, SHUT_RDWR);  // the peer notices now; the descriptor stays open until the thread was joined
  {
    const MutexLock lock(mutex);
    client.done = true;
    ended.notify_all();
  }
  wake();
}

// Joins the threads of clients that are gone.
void ControlServer::State::reap() {
  std::list<Client> gone;
  {
    const MutexLock lock(mutex);
    for (auto client = clients.begin(); client != clients.end();) {
      const auto next = std::next(client);
      if (client->done) gone.splice(gone.end(), clients, client);
      client = next;
    }
    count -= gone.size();
  }
  for (Client& client : gone) client.thread.join();
}

// Nothing is added to the list any more. A client that waits for an answer gets it: its request is in progress, and may
// be durable already. No more requests are read.
void ControlServer::State::end_clients() {
  const auto until = std::chrono::steady_clock::now() + kLastAnswers;
  std::list<Client> last;
  {
    const MutexLock lock(mutex);
    for (const Client& client : clients) ::shutdown(client.socket.fd(), SHUT_RD);
    const auto is_open = [](const Client& client) { return !client.done; };
    for (;;) {
      const auto left = until - std::chrono::steady_clock::now();
      if (left <= left.zero() || std::none_of(clients.begin(), clients.end(), is_open)) break;
      ended.wait_for(mutex, left);
    }
    // For a client that does not read its answer.
    for (const Client& client : clients) ::shutdown(client.socket.fd(), SHUT_RDWR);
    last.swap(clients);
  }
  for (Client& client : last) client.thread.join();
}

Result<std::unique_ptr<ControlServer>> ControlServer::start(Registry& registry, ArchiveUploads& archives, int store_dir,
                                                            Hooks hooks, ServedAt place) {
  if (Status status = unless_disk_refuses(PutSession::discard_all(registry)); !status.ok()) return status;
  auto state = std::make_unique<State>(registry, archives, store_dir, std::move(hooks), std::move(place));
  state->event = File(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!state->event.valid()) return Status::from_errno(errno, "make an eventfd");
  auto listener = listen_in(store_dir);
  if (!listener.ok()) return listener.status();
  state->listener = *std::move(listener);
  const SignalsBlocked blocked;
  state->accepting = std::thread([raw_state = state.get()] { raw_state->accept_clients(); });
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(state)));
}

Status ControlServer::serve_others(const std::string& path) {
  auto socket = OpenSocket::listen(path, kQueueMax);
  if (!socket.ok()) return socket.status();
  {
    const MutexLock lock(state_->mutex);
    state_->others = *std::move(socket);
  }
  state_->wake();
  return {};
}

ControlServer::ControlServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

ControlServer::~ControlServer() {
  state_->context.stopping = true;
  ::unlinkat(state_->store_dir, kControlSocketName, 0);
  state_->wake();
  state_->accepting.join();
  {
    const MutexLock lock(state_->mutex);
    state_->others = OpenSocket();
  }
  state_->end_clients();
}

}  // namespace modelfs
