// Where the socket is, and who is at its other end.
#pragma once
#include <sys/un.h>

#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Of `control.sock` in an open directory. By way of /proc/self/fd, because the path of a store may be longer than the
// 107 bytes that an address has room for. Source: unix(7).
sockaddr_un socket_address(int store_dir);

// Who connected, as the kernel noted it then, with supplementary groups. pid 0: in a pid namespace that cannot be seen
// from here.
Result<Credentials> peer_credentials(int socket);

// Who this process is.
Credentials own_credentials();

}  // namespace modelfs
