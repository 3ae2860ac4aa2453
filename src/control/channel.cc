#include "control/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "control/open_socket.h"
#include "control/peer.h"

namespace modelfs {
namespace {

// How often a client that waits for an answer checks whether the daemon can give one at all.
constexpr int kLookMs = 2000;
// How long the first answer may take, which needs nothing but the daemon's attention.
constexpr std::chrono::seconds kFirstAnswer{10};
// How long the daemon may take nothing of a message.
constexpr timeval kSendPatience{60, 0};
constexpr timeval kConnectPatience{10, 0};
constexpr std::size_t kStatBytesMax = 4096;
constexpr const char* kGone = "; see whether it still runs (`modelfs doctor`), and try again";

// A reply that says "error" as the Status it stands for.
Result<Message> judge(Message reply) {
  const auto error = reply.body.find("error");
  if (error == reply.body.end()) return reply;
  Status status = error_of(*error);
  return status.ok() ? Status(Code::Internal, "an error without a code") : status;
}

// Every message of an answer but the last has "part".
bool is_part(const Message& message) { return message.body.contains("part"); }

std::string daemon_of(pid_t pid) { return pid > 0 ? "the daemon (pid " + std::to_string(pid) + ")" : "the daemon"; }

Status no_first_answer(pid_t pid) {
  return {Code::Busy, daemon_of(pid) + " does not answer; it may be stopped, or wait for its disk: look at `ps -o " +
                          "stat,wchan`, and try again"};
}

// By SIGSTOP or a debugger. Source: proc(5).
bool is_stopped(pid_t pid) {
  const auto file = pid > 0 ? open_at(AT_FDCWD, "/proc/" + std::to_string(pid) + "/stat", O_RDONLY)
                            : Result<File>(Status(Code::NotFound, "no such process"));
  const auto text = file.ok() ? read_all(file->fd(), kStatBytesMax) : Result<std::string>(file.status());
  const std::size_t name_end = text.ok() ? text->rfind(") ") : std::string::npos;
  return name_end != std::string::npos && name_end + 2 < text->size() &&
         ((*text)[name_end + 2] == 'T' || (*text)[name_end + 2] == 't');
}

class SocketChannel final : public Channel {
 public:
  // `pid`: of the daemon; 0: it is not known.
  SocketChannel(File socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}

  Result<Message> call(Message request, const OnPart& on_part) override {
    if (!socket_.valid()) return Status(Code::IoError, "the connection to the daemon is closed");
    auto answer = exchange(std::move(request), on_part);
    if (!answer.ok()) socket_.reset();  // what the daemon sends next is undefined
    if (!answer.ok()) return answer;
    return judge(*std::move(answer));
  }

 private:
  // Returns when something can be read. It waits for a daemon that works for long, but not for one that is stopped.
  Status wait_for_something() {
    const auto first_until = std::chrono::steady_clock::now() + kFirstAnswer;
    pollfd answer{socket_.fd(), POLLIN, 0};
    for (;;) {
      const int ready = ::poll(&answer, 1, kLookMs);
      if (ready > 0 || (ready < 0 && errno != EINTR)) return {};
      if (is_stopped(pid_)) {
        return {Code::Busy, daemon_of(pid_) + " is stopped; resume it: kill -CONT " + std::to_string(pid_)};
      }
      if (!has_answered_ && std::chrono::steady_clock::now() > first_until) return no_first_answer(pid_);
    }
  }

  Result<Message> exchange(Message request, const OnPart& on_part) {
    if (Status sent = send_message(socket_.fd(), request); !sent.ok()) {
      if (sent.code() == Code::TooLarge) return sent;
      // The daemon may have sent its reason before it closed the connection.
      const auto last_word = receive_message(socket_.fd());
      if (!last_word.ok() || !*last_word)
        return Status(Code::IoError, "the daemon closed the connection: " + sent.message() + kGone);
      return Status(error_of((*last_word)->body.value("error", nlohmann::json::object())));
    }
    for (;;) {
      if (Status status = wait_for_something(); !status.ok()) return status;
      auto got = receive_message(socket_.fd());
      if (!got.ok()) return Status(got.code(), got.status().message() + kGone);
      if (!*got)
        return Status(Code::IoError, std::string("the daemon closed the connection before it answered") + kGone);
      has_answered_ = true;
      if (!is_part(**got)) return std::move(**got);
      if (Status status = on_part(std::move(**got)); !status.ok()) return status;
    }
  }

  File socket_;
  const pid_t pid_;
  bool has_answered_ = false;
};

class LocalChannel final : public Channel {
 public:
  LocalChannel(ControlContext& context, Credentials who) : dispatcher_(context, std::move(who), [] { return true; }) {}

  Result<Message> call(Message request, const OnPart& on_part) override {
    return judge(dispatcher_.handle(std::move(request), on_part));
  }

 private:
  Dispatcher dispatcher_;
};

// A channel through a socket that is connected, after `hello`.
Result<std::unique_ptr<Channel>> greet(File socket) {
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &kSendPatience, sizeof kSendPatience);
  ucred daemon{};
  socklen_t size = sizeof daemon;
  if (::getsockopt(socket.fd(), SOL_SOCKET, SO_PEERCRED, &daemon, &size) != 0) daemon.pid = 0;
  std::unique_ptr<Channel> channel = std::make_unique<SocketChannel>(std::move(socket), daemon.pid);
  const auto hello = channel->call(Channel::request("hello", {{"protocol", kProtocolVersion}}));
  if (!hello.ok()) return hello.status();
  return channel;
}

}  // namespace

Result<Message> Channel::call(Message request) {
  return call(std::move(request), [](Message) { return Status(); });
}

Message Channel::request(std::string verb, nlohmann::json fields) {
  Message message;
  message.body = std::move(fields);
  message.body["verb"] = std::move(verb);
  return message;
}

Result<std::unique_ptr<Channel>> connect_to_daemon(int store_dir) {
  File socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return Status::from_errno(errno, "make a socket");
  const sockaddr_un address = socket_address(store_dir);
  // Also of connect(): when many wait already, it does.
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &kConnectPatience, sizeof kConnectPatience);
  if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EAGAIN) return no_first_answer(0);
    if (errno == ENOENT || errno == ECONNREFUSED) return Status(Code::NotFound, "no daemon serves the store");
    if (errno == EACCES || errno == EPERM) return Status(Code::Denied, "the daemon's socket cannot be reached");
    return Status::from_errno(errno, "connect to the daemon");
  }
  return greet(std::move(socket));
}

Result<std::unique_ptr<Channel>> connect_to_open_daemon(const std::string& path) {
  auto socket = connect_to_open_socket(path);
  return socket.ok() ? greet(*std::move(socket)) : socket.status();
}

std::unique_ptr<Channel> converse_with(ControlContext& context, Credentials who) {
  return std::make_unique<LocalChannel>(context, std::move(who));
}

}  // namespace modelfs
