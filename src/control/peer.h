// The address of the socket, and the credentials of its peer.
#pragma once
#include <sys/un.h>

#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// The daemon's socket in the directory of its store.
inline constexpr const char* kControlSocketName = "control.sock";

// Of `control.sock` in an open directory. By way of /proc/self/fd, because the path of a store may be longer than the
// 107 bytes that an address has room for. Source: unix(7).
sockaddr_un socket_address(int store_dir);

// The credentials of the peer as the kernel recorded them at connect, with supplementary groups. pid 0: in a pid
// namespace that cannot be seen from here.
Result<Credentials> peer_credentials(int socket);

// The credentials of this process.
Credentials own_credentials();

}  // namespace modelfs
