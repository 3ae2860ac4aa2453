// From an uploaded archive to a release: unpacked into a draft of its own, then published with it.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "archive/read/read_archive.h"
#include "base/thread_pool.h"
#include "ingest/unpacking.h"
#include "registry/registry.h"

namespace modelfs {

// An archive, in a draft file, that is to become a release or generation.
struct ArchiveRequest {
  Ino file = kNoIno;
  Ino directory = kNoIno;  // where its name stands
  std::string name;
  std::string suffix;  // of the name that it is published under: says the format
  Target target;
  Credentials who;
  std::function<void(const Published&)> on_published;
  // What has followed its writer, if anything has.
  std::unique_ptr<UnpackingBehind> behind = nullptr;
  // As in PublishRequest.
  Ino beneath = kNoIno;
  bool orders_versions = false;
  std::optional<std::string> metadata = std::nullopt;
  std::optional<UploadPlacement> placement = std::nullopt;
  bool replaces_removed = false;
};

// Unpacks and publishes. Has the threads of all unpacking of a registry. Safe for concurrent use.
class ArchiveUploads {
 public:
  // `registry` outlives it.
  ArchiveUploads(Registry& registry, const ArchiveLimits& limits);
  // What still is unpacked behind a writer was given up before: see UnpackingBehind.
  ~ArchiveUploads();
  ArchiveUploads(const ArchiveUploads&) = delete;
  ArchiveUploads& operator=(const ArchiveUploads&) = delete;

  // Unpacks an archive and publishes what is in it; the archive itself becomes a face of it. Works in proportion to its
  // bytes. Malformed: it is no whole archive of its format, or holds what may not be published; the message names the
  // member. Others as Registry::publish(). The draft file is kept unless this succeeds.
  Result<Published> publish(const ArchiveRequest& request);
  // Begins to unpack a draft file that is being written as the archive that `suffix` names, so that little is left to
  // do when publish() is called with the result. Null where that is not possible, or not yet known to be allowed.
  std::unique_ptr<UnpackingBehind> unpack_behind(Ino file, std::string_view suffix, const DomainName& domain,
                                                 const Credentials& who);
  // An empty draft directory that nobody sees, to fill with what came with the draft file `file`.
  Result<std::unique_ptr<UnpackingDirectory>> make_directory(Ino file, const DomainRecord& domain,
                                                             const Credentials& who);
  // Removes what a process that ended while it unpacked has left. To be called before anything is unpacked.
  Status discard_leftovers();

 private:
  Result<Published> unpack_and_publish(const ArchiveRequest& request);
  UnpackingMeans means() { return {registry_.drafts(), *closers_, limits_}; }
  std::string fresh_name(Ino file);

  Registry& registry_;
  const ArchiveLimits limits_;
  std::atomic<std::uint64_t> unpackings_ = 0;
  std::unique_ptr<ThreadPool> closers_;    // hash and sync what is unpacked
  std::unique_ptr<ThreadPool> unpackers_;  // one thread for each upload that is unpacked behind its writer
};

}  // namespace modelfs
