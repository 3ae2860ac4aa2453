#include "control/peer.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace modelfs {

sockaddr_un socket_address(int store_dir) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", store_dir, kControlSocketName);
  return address;
}

Result<Credentials> peer_credentials(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return Status::from_errno(errno, "read the credentials of a peer");
  Credentials who{peer.uid, peer.gid, peer.pid, {}};
  // Source: net/core/sock.c, sk_getsockopt(): ERANGE, with the size that it needs, while there is too little room.
  who.groups.resize(32);
  for (;;) {
    size = static_cast<socklen_t>(who.groups.size() * sizeof(gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, who.groups.data(), &size) == 0) break;
    if (errno != ERANGE) return Status::from_errno(errno, "read the groups of a peer");
    who.groups.resize(size / sizeof(gid_t));
  }
  who.groups.resize(size / sizeof(gid_t));
  return who;
}

Credentials own_credentials() {
  Credentials who{::geteuid(), ::getegid(), ::getpid(), {}};
  for (;;) {
    const int count = ::getgroups(0, nullptr);
    if (count <= 0) return who;
    who.groups.resize(static_cast<std::size_t>(count));
    const int got = ::getgroups(count, who.groups.data());
    if (got < 0 && errno == EINVAL) continue;  // they grew meanwhile
    who.groups.resize(static_cast<std::size_t>(got < 0 ? 0 : got));
    return who;
  }
}

}  // namespace modelfs
