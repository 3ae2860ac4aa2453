// Uploads through a mount: from the name that a client writes to the close that publishes.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/thread_pool.h"
#include "drafts/draft_store.h"
#include "ingest/client_mount.h"
#include "ingest/ingest.h"
#include "ingest/modelstore_writes.h"
#include "ingest/pending_uploads.h"
#include "layout/layouts.h"

namespace modelfs {

// Safe for concurrent use.
class MountUploads {
 public:
  // `mount_point`: as processes of this machine's name space call it. All but that outlive it.
  MountUploads(Registry& registry, Ingest& ingest, const Layouts& layouts, const LayoutMount& layout_mount,
               ClientMount& mount, std::string mount_point);

  // Makes the draft of an upload that its writer calls `name`; it lies elsewhere. AlreadyExists: what it would publish
  // is published, or too many of that name lie there. The codes of making a draft.
  Result<DraftInode> begin(const Credentials& who, const Node& parent, std::string_view name, const CreateRule& rule,
                           const NewDraft& fresh_file);
  // A file that is there is written anew: the draft that takes its place when it is closed. `truncates`: it was opened
  // so. None: it is no such file.
  std::optional<Result<Ino>> begin_rewrite(const Credentials& who, const Node& node, bool truncates);
  // A handle of it was opened.
  void opened(Ino file) { pending_.opened(file); }
  // Unpacks it behind its writer, if it is an archive.
  void follow(Ino file, const Credentials& who);

  bool is_pending(Ino file) const { return pending_.find(file).has_value(); }
  // The draft that the process of `who` sees under this name.
  std::optional<Ino> named(Ino parent, std::string_view name, const Credentials& who) const;
  // unlink(2) by whoever sees it. None: he sees none.
  std::optional<Status> unlink(Ino parent, std::string_view name, const Credentials& who);

  // A close of a descriptor: publishes the upload if this close decides. Ok: there was nothing to decide. Malformed: it
  // is no whole archive. Interrupted: its writer was killed. May take long.
  Status close(const Credentials& who, DraftHandle& handle);
  // The end of a handle: what no close has decided is decided now, in the background.
  void end(std::unique_ptr<DraftHandle> handle);
  // A finished file that is moved onto the name of an archive or marker. Busy: somebody writes it.
  Status publish_moved(const Credentials& who, Ino file, const NamedAt& named, const Node& to,
                       std::string_view new_name, const CreateRule& rule);

 private:
  Result<MountUpload> plan(const Node& parent, std::string_view name, const CreateRule& rule) const;
  // Makes its file, called `shown` or nearly so, where uploads lie.
  Result<DraftInode> make_file(const Credentials& who, MountUpload upload, const std::string& shown,
                               const NewDraft& fresh_file);
  Status publish(const Credentials& who, const MountUpload& upload);
  Status publish_archive(const Credentials& who, const MountUpload& upload);
  void refuse(const Credentials& who, const MountUpload& upload, std::uint64_t changes, const Status& why);

  Registry& registry_;
  Ingest& ingest_;
  const LayoutMount& layout_mount_;
  ClientMount& mount_;
  const std::string mount_point_;
  PendingUploads pending_;
  ModelstoreWrites modelstore_;
  ThreadPool late_{"late", 1};  // last: its work uses all of the above
};

}  // namespace modelfs
