// What the writes of clients need of the mount that they come through.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "base/status.h"
#include "base/types.h"
#include "layout/node.h"
#include "registry/registry.h"

namespace modelfs {

// Implemented by the room vfs. Safe for concurrent use; called without any lock held.
class ClientMount {
 public:
  virtual ~ClientMount() = default;
  // What the kernel knows under this number; nullopt: nothing.
  virtual std::optional<Node> find_node(Ino ino) const = 0;
  // The nodes of drafts that were published become committed ones.
  virtual void rebind_nodes(const Published& published) = 0;
  // Remembers for `user` why something was refused, for user.modelfs.error of `where`.
  virtual void remember_error(Ino where, uid_t user, std::string reason) = 0;
  // Likewise, for events too; gives `status` back.
  virtual Status refuse(const Credentials& who, Ino where, const std::string& what, Status status) = 0;
  // The name leads elsewhere. Begun when this returns, and most often done.
  virtual void invalidate_entry(Ino directory, const std::string& name) = 0;
};

}  // namespace modelfs
