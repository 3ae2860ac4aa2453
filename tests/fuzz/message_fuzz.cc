// libFuzzer target: any bytes as what somebody sends to the daemon's socket: frames, until one is none.
#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>

#include "control/message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  const modelfs::File here(ends[0]);
  modelfs::File there(ends[1]);
  // What does not fit in the socket's buffer is cut off there: nobody reads it yet.
  (void)::send(there.fd(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  there.reset();
  for (;;) {
    const auto message = modelfs::receive_message(here.fd());
    if (!message.ok() || !*message) break;
    (void)(*message)->body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    (void)modelfs::error_of((*message)->body);
  }
  (void)modelfs::parse_body({reinterpret_cast<const char*>(data), size});
  return 0;
}
