// A connection to a store by its path: to its daemon, or, when none runs, to the store opened in this process.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "control/channel.h"
#include "ingest/ingest.h"
#include "replica/replica.h"
#include "store/store_lock.h"

namespace modelfs {

// Without a daemon it keeps the store open until it is destroyed. Used by one thread at a time.
class Connection {
 public:
  // `device`: of the mount through which it was found, whose daemon may listen for other users; empty: of none.
  // NotFound: no store there. Denied: this user may reach neither the daemon's socket nor the store; says what to do
  // instead. Busy: another process holds the store and does not answer. Errors of opening a store.
  static Result<std::unique_ptr<Connection>> open(const std::string& store, const std::string& device = "");

  Channel& channel() { return *channel_; }
  bool has_daemon() const { return !lock_.has_value(); }

 private:
  Connection() = default;
  static Result<std::unique_ptr<Connection>> open_as_other(const std::string& store, const std::string& device);
  Status open_here(const std::string& store);

  // In the order in which each depends on the one before.
  std::optional<StoreLock> lock_;
  std::unique_ptr<Replica> replica_;  // none: the store is a registry of its own
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Ingest> ingest_;
  std::unique_ptr<ControlContext> context_;
  std::unique_ptr<Channel> channel_;
};

}  // namespace modelfs
