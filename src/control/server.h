// The registry's verbs for other processes: a unix socket in the store's directory. PROTOCOL.md describes the protocol.
#pragma once
#include <memory>
#include <string>

#include "base/status.h"
#include "control/hooks.h"
#include "ingest/archive_upload.h"
#include "registry/registry.h"

namespace modelfs {

// Answers on `control.sock` until it is destroyed. Every request is authorised by the credentials of the peer as they
// were when it connected; being able to connect grants nothing. A client that stalls, dies or sends garbage loses its
// own connection and nothing else.
//
// Threads: "control", which accepts, and one per connection, "client"; at most kConnectionsMax, further clients wait in
// the kernel's queue. Create it after the last fork.
class ControlServer {
 public:
  static constexpr unsigned kConnectionsMax = 64;
  // Connections of one user who is neither root nor the owner of the store. Why: no user may starve the others.
  static constexpr unsigned kConnectionsPerUserMax = 16;

  // `store_dir` is the directory of the locked store; because it is locked, a socket that lies there is a dead
  // process's and is replaced. Removes the drafts of puts that were interrupted. `registry`, `archives` and what the
  // hooks refer to outlive the server.
  static Result<std::unique_ptr<ControlServer>> start(Registry& registry, ArchiveUploads& archives, int store_dir,
                                                      Hooks hooks, ServedAt place = {});
  // Answers on a second socket, which everybody reaches: for a mount that other users may use. Once; see OpenSocket.
  Status serve_others(const std::string& path);
  // Removes the sockets, closes all connections and waits for requests in progress.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  struct State;
  explicit ControlServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace modelfs
