// The client's end of a connection: to a daemon through its socket, or to a registry in this process.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "control/context.h"
#include "control/dispatcher.h"
#include "control/message.h"

namespace modelfs {

// Used by one thread at a time. Destroying it closes the connection: what was left unfinished is removed.
class Channel {
 public:
  using OnPart = std::function<Status(Message part)>;
  virtual ~Channel() = default;

  // Sends a request, hands each part of the answer to `on_part`, and returns the answer. A refusal is the Status that
  // the registry returned. When `on_part` fails, the connection is closed, with that Status. IoError: the daemon is
  // gone.
  virtual Result<Message> call(Message request, const OnPart& on_part) = 0;
  Result<Message> call(Message request);

  // A request without bytes: {"verb": verb, …}.
  static Message request(std::string verb, nlohmann::json fields = nlohmann::json::object());
};

// A connection to the daemon whose store is open as `store_dir`, after `hello`.
// NotFound: no daemon listens there. Denied: the user may not connect. Unsupported: another protocol version.
Result<std::unique_ptr<Channel>> connect_to_daemon(int store_dir);

// The same by the socket that all users of a mount reach; `path`: open_socket_path() of it. Denied: it is not root's.
Result<std::unique_ptr<Channel>> connect_to_open_daemon(const std::string& path);

// A connection to a registry in this process. `context` outlives it.
std::unique_ptr<Channel> converse_with(ControlContext& context, Credentials who);

}  // namespace modelfs
