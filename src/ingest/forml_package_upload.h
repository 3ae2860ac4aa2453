// ForML's packages that are directories: it copies one to `package.4ml` and gives that, last of all, the times and the
// mode of what it has copied.
#pragma once
#include <cstddef>

#include "drafts/draft_store.h"
#include "ingest/client_mount.h"
#include "ingest/process_table.h"
#include "registry/registry.h"

namespace modelfs {

// Safe for concurrent use.
class FormlPackageUploads {
 public:
  // Of how many directories it is known who has given them their times.
  static constexpr std::size_t kCopiesMax = 1024;

  // Both outlive it.
  FormlPackageUploads(Registry& registry, ClientMount& mount) : registry_(registry), mount_(mount) {}

  // Whether setting the mode of `directory` may publish it, which may take long.
  bool may_publish(Ino directory) const { return copies_.find(directory).has_value(); }
  // Takes note of a change of a draft. True: it ends a copy, so publish_copy() has something to do.
  bool ends_copy(const Credentials& who, const Node& node, const DraftChange& change);
  // Publishes it, if it is a package; else it stays a draft, and that is Ok. The codes of Registry::publish().
  Status publish_copy(const Credentials& who, Ino directory);

 private:
  Registry& registry_;
  ClientMount& mount_;
  ProcessTable copies_{kCopiesMax};  // directories that got their times, and from whom
};

}  // namespace modelfs
