// The daemon's second socket, which users reach who may not enter the directory of the store.
#pragma once
#include <sys/stat.h>

#include <string>
#include <string_view>

#include "base/file.h"
#include "base/status.h"

namespace modelfs {

// Where these sockets lie: made by root, so that nobody else can put one there.
inline constexpr const char* kOpenSocketDirectory = "/run/modelfs";

// Named by the number of the mount's device ("0:53"), which the mount table tells everybody and which no two file
// systems of one kernel have at a time. Why not by the store: in another mount namespace its path may be another one's.
std::string open_socket_path(std::string_view device, const std::string& directory = kOpenSocketDirectory);

// Listens there for all users, in place of what a daemon that was killed has left. Removed when it ends, unless another
// daemon has taken the name meanwhile.
class OpenSocket {
 public:
  // Denied: the directory cannot be made, or others than root may write to it.
  static Result<OpenSocket> listen(const std::string& path, int queue_max);
  OpenSocket() = default;
  OpenSocket(OpenSocket&& other) noexcept;
  OpenSocket& operator=(OpenSocket&& other) noexcept;
  ~OpenSocket();

  int fd() const { return socket_.fd(); }
  bool valid() const { return socket_.valid(); }

 private:
  void remove();

  File socket_;
  std::string path_;
  dev_t device_ = 0;
  ino_t ino_ = 0;
};

// Connected to the daemon that listens there. NotFound: none does. Denied: it is not root's, so it may be anybody's.
Result<File> connect_to_open_socket(const std::string& path);

}  // namespace modelfs
