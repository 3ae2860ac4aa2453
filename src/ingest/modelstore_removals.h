// modelstore's layout: its client removes a model in steps, of which the last removes the release.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "ingest/client_mount.h"
#include "layout/layout.h"
#include "registry/registry.h"

namespace modelfs {

// Safe for concurrent use.
class ModelstoreRemovals {
 public:
  // All outlive it.
  ModelstoreRemovals(Registry& registry, const LayoutMount& layout_mount, ClientMount& mount)
      : registry_(registry), layout_mount_(layout_mount), mount_(mount) {}

  // One step: of `node`, which is `name` in `parent`. NotEmpty: the archive lies in that directory. Busy: a label names
  // the release; nothing was removed. The codes of removing a release or a state.
  Status remove(const Credentials& who, const Node& parent, const Node& node, std::string_view name,
                RemoveRule::Step step);
  // True from the removal of its archive on, until the release is removed or the mount ends.
  bool is_being_removed(Ino release) const EXCLUDES(mutex_);
  // The release was removed in another way: if it comes back, it does so whole.
  void released(Ino release) EXCLUDES(mutex_);
  // Whether an earlier step has removed `node` from `parent`.
  bool is_hidden(const Node& parent, const Node& node) const EXCLUDES(mutex_);
  // Takes out of a listing what is hidden in `directory`.
  void drop_hidden(const Node& directory, std::vector<ListedNode>& names) const EXCLUDES(mutex_);

 private:
  // Releases whose archive was removed before the release is.
  enum class Hidden : std::uint8_t { Archive, Directory };

  Status remove_release(const Credentials& who, const Node& parent, const DomainName& domain,
                        const std::string& version, Ino release) EXCLUDES(mutex_);
  Status hide_directory(Ino release) EXCLUDES(mutex_);
  Status check_unlabelled(const DomainName& domain, const std::string& version) const;

  Registry& registry_;
  const LayoutMount& layout_mount_;
  ClientMount& mount_;
  mutable Mutex mutex_;                                        // leaf lock
  std::map<std::uint64_t, Hidden> hidden_ GUARDED_BY(mutex_);  // by the release's directory
};

}  // namespace modelfs
