#include "cli/connection.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "base/disk_refusal.h"
#include "base/names.h"
#include "cli/open_store.h"
#include "cli/replica_document.h"
#include "control/open_socket.h"
#include "control/peer.h"
#include "control/put_session.h"

namespace modelfs {
namespace {

// A daemon that starts or ends holds the lock for a short time without a socket, and so does another command.
constexpr auto kBusyPatience = std::chrono::seconds(5);
constexpr auto kBusyPause = std::chrono::milliseconds(50);

Status unreachable(const std::string& store) {
  return {Code::Denied, printable(store) +
                            ": a daemon serves the store, and you may not connect to its socket; use a path on a " +
                            "mount that root made with -o allow_other, run the command with sudo, or work through " +
                            "the mount itself (ls, cp, mv, setfattr)"};
}

// By the socket that the daemon of a mount has for other users.
Result<std::unique_ptr<Channel>> connect_as_other(const std::string& store, const std::string& device) {
  if (device.empty()) return unreachable(store);
  auto channel = connect_to_open_daemon(open_socket_path(device));
  if (channel.ok() || channel.code() == Code::Busy) return channel;
  return unreachable(store);
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::string& store, const std::string& device) {
  // "/." because a store may be a symlink to a directory on a larger disk.
  File directory(::open((store + "/.").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) {
    if (errno == EACCES) return open_as_other(store, device);
    if (errno == ENOENT)
      return Status(Code::NotFound, printable(store) + ": no store there; `modelfs mount STORE DIR` creates one");
    return Status::from_errno(errno, "open the store " + printable(store));
  }
  std::unique_ptr<Connection> connection(new Connection());
  const auto until = std::chrono::steady_clock::now() + kBusyPatience;
  for (;;) {
    auto channel = connect_to_daemon(directory.fd());
    if (channel.ok()) {
      connection->channel_ = *std::move(channel);
      return connection;
    }
    if (channel.code() == Code::Denied) return open_as_other(store, device);
    if (channel.code() != Code::NotFound)
      return Status(channel.code(), printable(store) + ": " + channel.status().message());
    const Status opened = connection->open_here(store);
    if (opened.ok()) return connection;
    if (opened.code() != Code::Busy || std::chrono::steady_clock::now() > until) return opened;
    std::this_thread::sleep_for(kBusyPause);
  }
}

Result<std::unique_ptr<Connection>> Connection::open_as_other(const std::string& store, const std::string& device) {
  auto channel = connect_as_other(store, device);
  if (!channel.ok()) return channel.status();
  std::unique_ptr<Connection> connection(new Connection());
  connection->channel_ = *std::move(channel);
  return connection;
}

Status Connection::open_here(const std::string& store) {
  ::umask(077);  // what is made in the store is the owner's
  auto opened = open_store({.path = store, .engine = {.ballast_bytes = kBallastBytes}});
  if (!opened.ok()) return opened.status();
  const bool is_read_only = opened->lock.is_read_only();
  auto registry = Registry::open(std::move(opened->engine), opened->lock.directory(), {.read_only = is_read_only});
  if (!registry.ok()) return registry.status();
  if (Status status = unless_disk_refuses(PutSession::discard_all(**registry)); !status.ok()) return status;
  auto ingest = Ingest::open(**registry);
  if (!ingest.ok()) return ingest.status();
  ServedAt place;
  place.store_id = opened->lock.id();
  offer_bucket(opened->replica.get(), place);
  lock_ = std::move(opened->lock);
  replica_ = std::move(opened->replica);
  registry_ = *std::move(registry);
  ingest_ = *std::move(ingest);
  context_ = std::make_unique<ControlContext>(*registry_, ingest_->archives, Hooks(), place);
  channel_ = converse_with(*context_, own_credentials());
  return {};
}

}  // namespace modelfs
