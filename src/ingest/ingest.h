// What clients of other programs and archives come in by, of one registry.
#pragma once
#include <memory>

#include "archive/read/read_archive.h"
#include "ingest/archive_upload.h"
#include "ingest/forml_tag_upload.h"
#include "ingest/modelstore_upload.h"

namespace modelfs {

// One object a protocol. Safe for concurrent use.
struct Ingest {
  // Removes what a process that ended while it unpacked has left; where the disk refuses that, the next opening does.
  // `registry` outlives it.
  static Result<std::unique_ptr<Ingest>> open(Registry& registry, const ArchiveLimits& limits = {});

  Ingest(Registry& registry, const ArchiveLimits& limits)
      : archives(registry, limits), tags(registry), models(registry, archives) {}

  ArchiveUploads archives;
  FormlTagUploads tags;
  ModelstoreUploads models;
};

}  // namespace modelfs
