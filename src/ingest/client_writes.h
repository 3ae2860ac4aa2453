// What clients' own ways of writing to a mount mean.
#pragma once
#include <string>
#include <utility>

#include "ingest/forml_package_upload.h"
#include "ingest/modelstore_removals.h"
#include "ingest/mount_uploads.h"

namespace modelfs {

// One for a mount. Safe for concurrent use. All outlives it.
struct ClientWrites {
  ClientWrites(Registry& registry_in, Ingest& ingest, const Layouts& layouts_in, const LayoutMount& layout_mount,
               ClientMount& mount, std::string mount_point)
      : registry(registry_in),
        layouts(layouts_in),
        packages(registry, mount),
        removals(registry, layout_mount, mount),
        uploads(registry, ingest, layouts, layout_mount, mount, std::move(mount_point)) {}

  // Before something is made in `directory`: the layouts that are listed once they are used are from now on.
  Status note_use(const Node& directory) const;

  Registry& registry;
  const Layouts& layouts;
  FormlPackageUploads packages;  // directories
  ModelstoreRemovals removals;
  MountUploads uploads;  // last: has a thread
};

}  // namespace modelfs
