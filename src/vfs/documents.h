// The texts that are made when they are opened, and the mount's own files: /.modelfs/{status.json,metrics,events}.
#pragma once
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "layout/layouts.h"
#include "registry/registry.h"
#include "vfs/status_file.h"

namespace modelfs {

// Safe for concurrent use.
class Documents {
 public:
  // All outlives it.
  Documents(Registry& registry, const Layouts& layouts, const LayoutMount& layout_mount,
            const StatusFile::Sources& sources)
      : registry_(registry),
        layouts_(layouts),
        layout_mount_(layout_mount),
        status_(sources),
        options_(sources.options) {}

  // status.json and metrics: made anew by each open.
  static bool is_status(const Node& node) { return node.ino == kStatusIno || node.ino == kMetricsIno; }

  // What open(2) of a Text, status.json or metrics reads. The codes of Layout::text().
  Result<std::string> text(const Node& node) const;
  // The file of the host that `events` is. NotFound: nothing was ever said in it.
  Result<File> open_events(const Node& node) const;
  // Of one of the mount's own files.
  Result<Attributes> describe(const Node& node) const;
  // Gives the node of `events` the number of the file that is written now.
  void renumber(Node& node) const;
  // Adds those of the mount's own files that the layout does not know to be there: both generations of events.
  void list_events(const Snapshot& stored, const Node& directory, std::vector<ListedNode>& names) const;

 private:
  static const char* events_name(const Node& node) {
    return node.ino == kOldEventsIno ? Events::kOldFileName : Events::kFileName;
  }

  Registry& registry_;
  const Layouts& layouts_;
  const LayoutMount& layout_mount_;
  const StatusFile status_;
  const FileSystem::Options& options_;
};

}  // namespace modelfs
