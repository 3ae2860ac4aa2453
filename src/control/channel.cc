#include "control/channel.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "control/peer.h"

namespace modelfs {
namespace {

constexpr const char* kGone = "; look whether it still runs (`modelfs doctor`), and try again";

// A reply that says "error" as the Status it stands for.
Result<Message> judge(Message reply) {
  const auto error = reply.body.find("error");
  if (error == reply.body.end()) return reply;
  Status status = error_of(*error);
  return status.ok() ? Status(Code::Internal, "an error without a code") : status;
}

// An answer in parts says so: everything but the last message has "part".
bool is_part(const Message& message) { return message.body.contains("part"); }

class SocketChannel final : public Channel {
 public:
  explicit SocketChannel(File socket) : socket_(std::move(socket)) {}

  Result<Message> call(Message request, const OnPart& on_part) override {
    if (!socket_.valid()) return Status(Code::IoError, "the conversation with the daemon is over");
    auto answer = exchange(std::move(request), on_part);
    if (!answer.ok()) socket_.reset();  // nobody knows what the daemon sends next
    if (!answer.ok()) return answer;
    return judge(*std::move(answer));
  }

 private:
  Result<Message> exchange(Message request, const OnPart& on_part) {
    if (Status sent = send_message(socket_.fd(), request); !sent.ok()) {
      if (sent.code() == Code::TooLarge) return sent;
      // The daemon may have said why it hung up.
      const auto last_word = receive_message(socket_.fd());
      if (!last_word.ok() || !*last_word) return Status(Code::IoError, "the daemon hung up: " + sent.message() + kGone);
      return Status(error_of((*last_word)->body.value("error", nlohmann::json::object())));
    }
    for (;;) {
      auto got = receive_message(socket_.fd());
      if (!got.ok()) return Status(got.code(), got.status().message() + kGone);
      if (!*got) return Status(Code::IoError, std::string("the daemon hung up before it answered") + kGone);
      if (!is_part(**got)) return std::move(**got);
      if (Status status = on_part(std::move(**got)); !status.ok()) return status;
    }
  }

  File socket_;
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
  if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return Status(Code::NotFound, "no daemon serves the store");
    if (errno == EACCES || errno == EPERM) return Status(Code::Denied, "the daemon's socket cannot be reached");
    return Status::from_errno(errno, "connect to the daemon");
  }
  std::unique_ptr<Channel> channel = std::make_unique<SocketChannel>(std::move(socket));
  const auto hello = channel->call(Channel::request("hello", {{"protocol", kProtocolVersion}}));
  if (!hello.ok()) return hello.status();
  return channel;
}

std::unique_ptr<Channel> converse_with(ControlContext& context, Credentials who) {
  return std::make_unique<LocalChannel>(context, std::move(who));
}

}  // namespace modelfs
