// What the parts of FileSystem share. Private to src/vfs.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/mutex.h"
#include "layout/layouts.h"
#include "vfs/container_cache.h"
#include "vfs/descriptors.h"
#include "vfs/file_system.h"
#include "vfs/node_table.h"
#include "vfs/open_nodes.h"
#include "vfs/page_sources.h"
#include "vfs/uploads.h"

namespace modelfs {

struct Listing {
  Node directory;
  Ino parent = kNoIno;
  Credentials who;
  bool is_made = false;
  std::vector<ListedNode> names;
};

// Bytes that went through the daemon since the mount.
struct Traffic {
  std::atomic<std::uint64_t> published_read_bytes = 0;
  std::atomic<std::uint64_t> draft_read_bytes = 0;
  std::atomic<std::uint64_t> draft_written_bytes = 0;
  std::atomic<std::uint64_t> draft_borrowed_bytes = 0;
};

// An open file or directory.
struct OpenHandle {
  Ino ino = kNoIno;
  std::unique_ptr<const Descriptors::Use> descriptor;  // where it has one, or may need one
  std::unique_ptr<DraftHandle> draft;
  std::shared_ptr<const ContentReader> content;
  std::shared_ptr<const std::string> text;  // made when it was opened
  File host;                                // events
  // Of what can be a committed file: a draft, since it may become one, a file of a release, an archive.
  std::unique_ptr<const OpenNodes::Open> open;  // after what it may have lent
  Mutex mutex;                                  // of listing; held while it is made or read
  std::unique_ptr<Listing> listing GUARDED_BY(mutex);
};

// True where the reason of a refusal says more than its errno.
inline bool has_reason(Code code) {
  return code == Code::InvalidArgument || code == Code::IllegalName || code == Code::NotPermitted ||
         code == Code::OutOfRange || code == Code::Unsupported || code == Code::NameTooLong;
}

// rename(2) must not answer EINVAL: mv reads it as "cannot move to a subdirectory of itself".
inline Status for_rename(const Status& status) {
  if (status.code() != Code::InvalidArgument) return status;
  return {Code::NotPermitted, status.message()};
}

struct FileSystem::State {
  State(Registry& registry_in, Ingest& ingest_in, KernelCache& kernel_in, Layouts layouts_in, Options options_in);

  // Nodes. Stale: the kernel asks for a node that it has forgotten.
  Result<KnownNode> node(Ino ino) const;
  Result<Node> committed_child(const Snapshot& stored, const Node& parent, std::string_view name) const;
  // The same, now.
  Result<Node> committed_now(const Node& parent, std::string_view name) const;
  // What is there now, for one request: no key of the catalog is read twice.
  Result<Snapshot> moment() const;
  // Whether anything may have been published in the domain of `place` since its newest commit was `before`.
  bool has_changed(const Node& place, std::optional<Sequence> before) const;
  // A place that was looked up in `stored`.
  Result<Entry> enter(const Snapshot& stored, const Node& place, double name_valid_seconds);
  // What was committed under `name` a moment ago.
  Result<Entry> enter_committed(const Node& directory, std::string_view name);
  // A draft that was found or made in `parent` under `name`.
  Result<Entry> enter_draft(const DraftInode& inode, const Node& parent, std::string_view name);
  // The answer for a node that is known and counted already.
  Result<Entry> enter_known(const KnownNode& node);
  static std::uint32_t mode_mask(const Node& parent) { return is_in_place(parent) ? kInPlaceModeMask : 07777; }
  static bool is_in_place(const Node& parent) {
    return parent.kind == Node::Kind::Domain || parent.kind == Node::Kind::Entry || parent.kind == Node::Kind::Uploads;
  }
  // A directory beneath `.stage`: nothing but the kernel's own requests, and commands, which tell it, change the
  // directories in it.
  static bool holds_believed_drafts(const Node& parent) { return parent.kind == Node::Kind::Stage || parent.in_stage; }
  // status.json and metrics: made when they are opened.
  static bool is_made_text(const Node& node) { return node.ino == kStatusIno || node.ino == kMetricsIno; }
  static ArchiveFace face_of(const Node& place) { return {place.container, place.given, place.format}; }
  // What layouts may look at.
  LayoutContext context(const Snapshot& stored) const { return {stored, layout_mount}; }
  LayoutMount make_layout_mount();
  std::optional<DraftPosition> find_draft(Ino directory) const;
  // A client's layout shows committed things in the draft directory `name` of `parent`.
  bool is_adopted(const Node& parent, std::string_view name) const;

  // Attributes.
  // `stored`: the moment to look at what is committed; null: now.
  Result<Attributes> describe(const KnownNode& node, const Snapshot* stored = nullptr);
  Result<Attributes> describe_committed(const Snapshot& stored, const Node& place);
  // `believed`: by the kernel, until it is told.
  Attributes describe_inode(const DraftInode& inode, bool in_place, bool believed) const;
  // One of the mount's own files.
  Result<Attributes> describe_mount_file(const Node& node) const;
  Ownership root_owner() const;
  // What open(2) of a document or of one of the mount's own texts reads.
  Result<std::string> text_of(const Node& place);
  Result<std::string> status_text();
  Result<std::string> metrics_text();
  Result<SpaceFigures> store_space() const;

  // Making and committing.
  Result<Ownership> owner_of_directory(const Node& place);
  Result<NewDraft> fresh(const Credentials& who, const Node& parent, FileType type, std::uint32_t mode);
  Result<Entry> make_draft(const Credentials& who, Ino parent, std::string_view name, NewDraft draft);
  // A draft that is named `name` in `from`.
  Status commit_draft(const Credentials& who, Ino draft, const Node& from, std::string_view name, const Node& parent,
                      std::string_view committed_name, HashBudget budget);
  // NotPermitted: the draft `name` in `directory` is another user's, whose name stays: where all who may write to a
  // domain have their drafts, they are as in a sticky directory.
  Status check_others_draft(const Credentials& who, const Node& directory, std::string_view name);
  // Until a release's former draft is swept away, no draft can be made in its directory.
  bool is_swept_first(const Node& directory) const {
    return directory.is_release_directory() && registry.const_drafts().is_dead(directory.ino);
  }
  void wait_for_sweep(const Node& directory);
  bool was_published_meanwhile(const Node& directory) const;
  Status move_name(const Credentials& who, Ino parent, std::string_view name, Ino new_parent, std::string_view new_name,
                   RenameFlag flag);
  // What is published: its removal, restoring, or another name for a label.
  Status move_committed(const Credentials& who, const Node& from, const Node& moved, std::string_view name,
                        const Node& to, std::string_view new_name);
  // rename(2) between directories that hold drafts.
  Status move_draft(FileType type, const Node& from, std::string_view name, const Node& to, std::string_view new_name,
                    bool replace);
  Status exchange_drafts(const Node& from, std::string_view name, const Node& to, std::string_view new_name);
  void doubt_moved(const Node& directory, std::string_view name);
  Status clear_empty_target(const Credentials& who, const Node& directory, std::string_view name, bool replace);
  void rebind_nodes(const Published& published);
  // Remembers why something was refused, for user.modelfs.error.
  void remember_error(Ino where, uid_t user, std::string reason) EXCLUDES(errors_mutex);
  // Likewise, for events too; gives the Status back.
  Status refuse(const Credentials& who, Ino where, const std::string& what, Status status);

  // What a fresh name in `parent` would mean; also in a draft, where clients have markers.
  CreateRule create_rule_of(const Snapshot& stored, const Node& parent, std::string_view name, FileType type) const;
  // What a Release, Generation or Archive in `parent` would become; `version` where it is no generation.
  Result<Target> target_of(const Node& parent, const CreateRule& rule, bool is_generation, std::string_view version);

  // AlreadyExists: a move from a release's `.stage` into a generation of it that is published. A trainer whose number
  // was taken meanwhile hears that; what it moves stays where it is.
  Status check_stage_move(const Node& from, const Node& to) const;
  // Names came into `directory` or left it. Why the kernel must hear so, though it asked for it: an older answer about
  // the directory that is under way would count for long.
  void names_changed(Ino directory);

  // Uploads.
  Result<MountUpload> plan_upload(const Node& parent, std::string_view name, const CreateRule& rule);
  Result<Entry> begin_upload(const Credentials& who, const Node& parent, std::string_view name, const CreateRule& rule,
                             const NewDraft& fresh_file);
  Status publish_upload(const Credentials& who, const MountUpload& upload);
  // Makes its file, called `shown` or nearly so, where uploads lie.
  Result<DraftInode> make_upload_file(const Credentials& who, MountUpload upload, const std::string& shown,
                                      const NewDraft& fresh_file);
  // A finished file that is moved onto the name of an archive or marker.
  Status rename_to_upload(const Credentials& who, Ino file, const DraftStore::NamedAt& named, const Node& to,
                          std::string_view new_name, const CreateRule& rule);
  void refuse_upload(const Credentials& who, const MountUpload& upload, std::uint64_t changes, const Status& why);
  // A close of a descriptor: publishes the upload if this close decides. Malformed: it is no whole archive.
  Status close_upload(const Credentials& who, const OpenHandle& handle, const MountUpload& upload);
  // The end of a handle: what no close has decided is decided now, in the background.
  void end_upload(const std::shared_ptr<OpenHandle>& handle);

  // modelstore's layout.
  Result<MountUpload> plan_modelstore_upload(const Node& parent, std::string_view name, const CreateRule& rule);
  Status publish_modelstore_upload(const Credentials& who, const MountUpload& upload);
  Status keep_whole(const MountUpload& upload);
  Status take_state(const Credentials& who, const MountUpload& upload, const std::string& text);
  Status check_copy(const MountUpload& upload, const std::string& text);
  // A file that is there is written anew: another one, which takes its place at its close. None: it is no such file.
  std::optional<Result<Opened>> open_rewrite(const Credentials& who, const Node& place, bool truncates);
  // unlink(2) and rmdir(2) of what is committed.
  Status remove_committed(const Credentials& who, const Node& parent, const Node& node, std::string_view name);
  Status remove_by_client(const Credentials& who, const Node& parent, const Node& node, std::string_view name,
                          RemoveRule::Step step);
  Status remove_release_by_client(const Credentials& who, const Node& parent, const DomainName& domain,
                                  const std::string& version, Ino release);
  Status hide_release_directory(Ino release) EXCLUDES(hidden_mutex);
  // True from the removal of its archive on.
  bool is_being_removed(Ino release) const EXCLUDES(hidden_mutex);
  bool is_hidden(const Node& parent, const Node& place) const EXCLUDES(hidden_mutex);
  void drop_hidden(const Node& directory, std::vector<ListedNode>& names) const EXCLUDES(hidden_mutex);

  // ForML copies a package that is a directory to `package.4ml` and gives it, last of all, the times and the mode of
  // what it has copied. Whether this is that.
  bool ends_a_package_copy(const Credentials& who, const Node& place, const DraftChange& change) EXCLUDES(copies_mutex);
  // Publishes it, if it is a package; else it stays a draft. What publishing fails with.
  Status publish_package_directory(const Credentials& who, Ino directory);

  // Handles.
  Handle keep(std::shared_ptr<OpenHandle> handle) EXCLUDES(handles_mutex);
  Result<std::shared_ptr<OpenHandle>> handle(Handle number) const;
  std::shared_ptr<OpenHandle> drop(Handle number);
  Result<Opened> open_draft(const Credentials& who, Ino ino, int flags);
  // A committed file or archive.
  Result<Opened> open_content(const Node& place);
  Result<std::shared_ptr<const ContentReader>> content_of(const Node& place);
  // "passthrough" or "daemon": how it is read, or would be if it were opened now. NoAttribute: no committed file, or an
  // archive that is not open.
  Result<std::string> read_mode_of(const Node& place);
  // `lent`: null where every byte is wanted in `into`.
  Result<std::size_t> read(Handle number, std::uint64_t offset_bytes, ByteSpan into, MappedSpans* lent);
  // copy(), where the bytes need not move. Conflict: they must.
  Status borrow(const OpenHandle& from, std::uint64_t offset_bytes, const OpenHandle& to, std::uint64_t count_bytes);
  Status make_listing(Listing& listing);
  Result<Ino> parent_of(const Node& directory);
  Status add_drafts(const Listing& listing, std::vector<ListedNode>& names);

  Registry& registry;
  Ingest& ingest;
  KernelCache& kernel;
  const Options options;
  const TimeNs mounted = now();
  ContainerCache cache;
  NodeTable nodes;
  OpenNodes open_nodes;
  PageSources page_sources;
  const Layouts layouts;
  const LayoutMount layout_mount;
  Uploads uploads;
  Traffic traffic;

  Descriptors descriptors;
  mutable Mutex handles_mutex;  // leaf lock
  std::unordered_map<std::uint64_t, std::shared_ptr<OpenHandle>> handles GUARDED_BY(handles_mutex);
  std::uint64_t last_handle GUARDED_BY(handles_mutex) = 0;

  static constexpr std::size_t kErrorsMax = 1024;
  mutable Mutex errors_mutex;                                                              // leaf lock
  std::map<std::pair<std::uint64_t, uid_t>, std::string> errors GUARDED_BY(errors_mutex);  // (node, user) -> reason

  static constexpr std::size_t kCopiesMax = 1024;
  Mutex copies_mutex;                                              // leaf lock
  std::map<std::uint64_t, pid_t> copies GUARDED_BY(copies_mutex);  // directories that got their times, and from whom

  // Releases whose archive modelstore's client has removed, before it removes the release; until the end of the mount.
  enum class Hidden : std::uint8_t { Archive, Directory };
  mutable Mutex hidden_mutex;                                       // leaf lock
  std::map<std::uint64_t, Hidden> hidden GUARDED_BY(hidden_mutex);  // by the release's directory
  static constexpr std::size_t kWritersMax = 4096;
  mutable Mutex writers_mutex;                                       // leaf lock
  std::map<std::uint64_t, pid_t> writers GUARDED_BY(writers_mutex);  // of archives that wait for their document

  ThreadPool late{"late", 1};  // last: its work uses all of the above
};

}  // namespace modelfs
