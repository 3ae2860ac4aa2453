// modelstore's way to a release: its client uploads an archive, then the document that names it, whose close publishes
// both.
#pragma once
#include <functional>
#include <string>

#include "ingest/archive_upload.h"
#include "registry/registry.h"

namespace modelfs {

// A metadata document, in a draft file, that is to make a release of the archive that it names, as modelstore's client
// has written both.
struct ModelRequest {
  Ino file = kNoIno;
  Ino directory = kNoIno;  // where its name stands
  std::string name;
  DomainName domain;
  VersionName model_id;
  // The directory in which the archive's path begins, and its own path beneath the mount point.
  Ino base = kNoIno;
  std::string base_path;
  Credentials who;
  std::function<void(const Published&)> on_published;
};

// Safe for concurrent use.
class ModelstoreUploads {
 public:
  // Both outlive it.
  ModelstoreUploads(Registry& registry, ArchiveUploads& archives) : registry_(registry), archives_(archives) {}

  // Publishes the draft file that the document names as storage.path, as the release that is called as the model is,
  // with that document. Only the path's end counts: what follows the domain's name. An archive is unpacked; any other
  // file is all that the release holds; a document that names none makes a release without files. Malformed: it is no
  // such document, or of another model. NotFound: no such archive; names it. Others as ArchiveUploads::publish(). Both
  // files are kept unless this succeeds.
  Result<Published> publish(const ModelRequest& request);

 private:
  Status check_archive_path(const ModelRequest& request, Ino file, Ino directory) const;
  Result<Published> publish_archive(const ModelRequest& request, Ino file, const UploadPlacement& at,
                                    std::string document);
  // `file`: kNoIno where there is none.
  Result<Published> publish_file(const ModelRequest& request, Ino file, const UploadPlacement& at,
                                 std::string document);

  Registry& registry_;
  ArchiveUploads& archives_;
};

}  // namespace modelfs
