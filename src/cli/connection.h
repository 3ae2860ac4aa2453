// From a store's path to a conversation about it: with its daemon, or, when none runs, with the store opened here.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "control/channel.h"
#include "store/store_lock.h"

namespace modelfs {

// Holds the store open for as long as it lives, if there is no daemon. Used by one thread at a time.
class Connection {
 public:
  // NotFound: no store there. Denied: the daemon's socket, or the store, cannot be reached by this user; says what to
  // do instead. Busy: somebody else holds the store and does not answer. What opening a store refuses.
  static Result<std::unique_ptr<Connection>> open(const std::string& store);

  Channel& channel() { return *channel_; }
  bool has_daemon() const { return !lock_.has_value(); }

 private:
  Connection() = default;
  Status open_here(const std::string& store);

  // In the order in which one stands on the other.
  std::optional<StoreLock> lock_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<ControlContext> context_;
  std::unique_ptr<Channel> channel_;
};

}  // namespace modelfs
