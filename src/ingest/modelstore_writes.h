// modelstore's layout: what its client's writes do when they are closed.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "ingest/client_mount.h"
#include "ingest/modelstore_upload.h"
#include "ingest/pending_uploads.h"
#include "ingest/process_table.h"
#include "layout/layouts.h"

namespace modelfs {

// Safe for concurrent use.
class ModelstoreWrites {
 public:
  // Of how many archives that wait for their document it is known who has uploaded them.
  static constexpr std::size_t kWritersMax = 4096;

  // All outlive it.
  ModelstoreWrites(Registry& registry, ModelstoreUploads& models, const Layouts& layouts,
                   const LayoutMount& layout_mount, ClientMount& mount)
      : registry_(registry), models_(models), layouts_(layouts), layout_mount_(layout_mount), mount_(mount) {}

  // What the close of an upload needs to know; not yet where its file lies.
  Result<MountUpload> plan(const Node& parent, std::string_view name, const CreateRule& rule) const;
  // The same for a file that is there and is written anew. None: it is no such file. AlreadyExists: another process
  // waits for the document of what is there.
  std::optional<Result<MountUpload>> plan_rewrite(const Credentials& who, const Node& node, bool truncates) const;
  // The close. Malformed: it is no such document. AlreadyExists: another model has its archive there.
  Status publish(const Credentials& who, const MountUpload& upload);

 private:
  std::optional<Result<MountUpload>> plan_draft_rewrite(const Credentials& who, const Node& node) const;
  Status publish_model(const Credentials& who, const MountUpload& upload);
  Status publish_document(const Credentials& who, const MountUpload& upload);
  // It takes its place.
  Status keep_whole(const MountUpload& upload);
  Status take_state(const Credentials& who, const MountUpload& upload, const std::string& text);
  Status check_copy(const MountUpload& upload, const std::string& text) const;

  Registry& registry_;
  ModelstoreUploads& models_;
  const Layouts& layouts_;
  const LayoutMount& layout_mount_;
  ClientMount& mount_;
  ProcessTable writers_{kWritersMax};  // of archives that wait for their document
};

}  // namespace modelfs
