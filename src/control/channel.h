// The asking side of a conversation: with a daemon through its socket, or with a registry in this process.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "control/context.h"
#include "control/dispatcher.h"
#include "control/message.h"

namespace modelfs {

// Used by one thread at a time. Its end is the end of the conversation: what was left unfinished is removed.
class Channel {
 public:
  using OnPart = std::function<Status(Message part)>;
  virtual ~Channel() = default;

  // Asks, hands each part of the answer to `on_part`, and returns the answer. Refusals come as the Status that the
  // registry gave. A part that is refused by `on_part` ends the conversation with that Status. IoError: the daemon is
  // gone.
  virtual Result<Message> call(Message request, const OnPart& on_part) = 0;
  Result<Message> call(Message request);

  // A request without bytes: {"verb": verb, …}.
  static Message request(std::string verb, nlohmann::json fields = nlohmann::json::object());
};

// A conversation with the daemon whose store is open as `store_dir`; it has said hello.
// NotFound: no daemon listens there. Denied: the socket cannot be reached by this user. Unsupported: it speaks another
// protocol.
Result<std::unique_ptr<Channel>> connect_to_daemon(int store_dir);

// A conversation with a registry in this process. `context` outlives it.
std::unique_ptr<Channel> converse_with(ControlContext& context, Credentials who);

}  // namespace modelfs
