#include "control/open_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace modelfs {
namespace {

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Status(Code::InvalidArgument, path + " is too long for a socket");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

// Makes the directory, or looks whether what is there keeps others out.
Status prepare_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0755) == 0) {
    // The daemon's umask may hide it.
    if (::chmod(directory.c_str(), 0755) != 0) return Status::from_errno(errno, "open " + directory);
  } else if (errno != EEXIST) {
    return Status::from_errno(errno, "make " + directory);
  }
  struct stat info {};
  if (::lstat(directory.c_str(), &info) != 0) return Status::from_errno(errno, "look at " + directory);
  if (S_ISDIR(info.st_mode) && info.st_uid == 0 && (info.st_mode & 0022) == 0) return {};
  return {Code::Denied, directory + " is not a directory that only root may write to"};
}

}  // namespace

std::string open_socket_path(std::string_view device, const std::string& directory) {
  std::string name(device);
  std::replace(name.begin(), name.end(), ':', '-');
  return directory + "/" + name + ".sock";
}

Result<OpenSocket> OpenSocket::listen(const std::string& path, int queue_max) {
  const auto address = address_of(path);
  if (!address.ok()) return address.status();
  if (Status status = prepare_directory(path.substr(0, path.rfind('/'))); !status.ok()) return status;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return Status::from_errno(errno, "remove the old " + path);
  OpenSocket open;
  open.socket_ = File(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!open.valid()) return Status::from_errno(errno, "make a socket");
  if (::bind(open.fd(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return Status::from_errno(errno, "make " + path);
  }
  open.path_ = path;
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return Status::from_errno(errno, "look at " + path);
  open.device_ = info.st_dev;
  open.ino_ = info.st_ino;
  // Being able to connect grants nothing: each request is authorised.
  if (::chmod(path.c_str(), 0666) != 0) return Status::from_errno(errno, "open " + path);
  if (::listen(open.fd(), queue_max) != 0) return Status::from_errno(errno, "listen on " + path);
  return open;
}

OpenSocket::OpenSocket(OpenSocket&& other) noexcept { *this = std::move(other); }

OpenSocket& OpenSocket::operator=(OpenSocket&& other) noexcept {
  if (this == &other) return *this;
  remove();
  socket_ = std::move(other.socket_);
  path_ = std::exchange(other.path_, {});
  device_ = other.device_;
  ino_ = other.ino_;
  return *this;
}

OpenSocket::~OpenSocket() { remove(); }

void OpenSocket::remove() {
  struct stat info {};
  if (path_.empty() || ::lstat(path_.c_str(), &info) != 0) return;
  if (info.st_dev == device_ && info.st_ino == ino_) ::unlink(path_.c_str());
  path_.clear();
}

Result<File> connect_to_open_socket(const std::string& path) {
  const auto address = address_of(path);
  if (!address.ok()) return address.status();
  File socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return Status::from_errno(errno, "make a socket");
  constexpr timeval kPatience{10, 0};
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return Status(Code::NotFound, "nobody listens at " + path);
    return Status::from_errno(errno, "connect to " + path);
  }
  ucred daemon{};
  socklen_t size = sizeof daemon;
  if (::getsockopt(socket.fd(), SOL_SOCKET, SO_PEERCRED, &daemon, &size) != 0 || daemon.uid != 0) {
    return Status(Code::Denied, "what listens at " + path + " does not belong to root");
  }
  return socket;
}

}  // namespace modelfs
