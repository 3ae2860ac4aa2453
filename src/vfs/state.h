// What the parts of FileSystem share. Private to src/vfs.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "ingest/client_writes.h"
#include "ingest/create_target.h"
#include "layout/layouts.h"
#include "vfs/container_cache.h"
#include "vfs/descriptors.h"
#include "vfs/documents.h"
#include "vfs/file_system.h"
#include "vfs/handle_table.h"
#include "vfs/node_table.h"
#include "vfs/open_nodes.h"
#include "vfs/page_sources.h"
#include "vfs/refusals.h"
#include "vfs/stage_lives.h"
#include "vfs/status_file.h"

namespace modelfs {

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

struct FileSystem::State final : ClientMount {
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
  static std::uint32_t mode_mask(const Node& parent, FileType type, std::string_view name) {
    return is_closed(parent, type, name) ? kInPlaceModeMask : 07777;
  }
  // A draft there is nobody's business until it is committed; a plain file in a domain never is, and neither is a
  // directory that can be no version. A document will be the metadata of the version that it is called after.
  static bool is_closed(const Node& parent, FileType type, std::string_view name) {
    const bool is_plain = (type == FileType::Regular && face_suffix(name).empty()) ||
                          (type == FileType::Directory && is_reserved_name(name));
    return is_in_place(parent) && !(parent.kind == Node::Kind::Domain && is_plain);
  }
  static bool is_in_place(const Node& parent) {
    return parent.kind == Node::Kind::Domain || parent.kind == Node::Kind::Entry || parent.kind == Node::Kind::Uploads;
  }
  // A directory beneath `.stage`: nothing but the kernel's own requests, and commands, which tell it, change the
  // directories in it.
  static bool holds_believed_drafts(const Node& parent) { return parent.kind == Node::Kind::Stage || parent.in_stage; }
  static ArchiveFace face_of(const Node& place) { return {place.container, place.given, place.format}; }
  // What layouts may look at.
  LayoutContext context(const Snapshot& stored) const { return {stored, layout_mount}; }
  LayoutMount make_layout_mount();
  std::optional<DraftPosition> find_draft(Ino directory) const;
  // A client's layout shows committed things in the draft directory `name` of `parent`.
  bool is_adopted(const Node& parent, std::string_view name) const;
  // rmdir(2) of a draft directory. NotEmpty also where something committed is shown in it.
  Status remove_draft_directory(const Node& parent, std::string_view name);
  // NotPermitted: something committed is shown in the draft directory `name` of `parent`, or below it.
  Status check_shows_nothing(const Node& parent, std::string_view name) const;

  // Attributes.
  // `stored`: the moment to look at what is committed; null: now.
  Result<Attributes> describe(const KnownNode& node, const Snapshot* stored = nullptr);
  Result<Attributes> describe_committed(const Snapshot& stored, const Node& place);
  // `believed`: by the kernel, until it is told.
  Attributes describe_inode(const DraftInode& inode, bool in_place, bool believed) const;
  Ownership root_owner() const;

  // Making and committing.
  Result<Ownership> owner_of_directory(const Node& place);
  Result<NewDraft> fresh(const Credentials& who, const Node& parent, FileType type, std::uint32_t mode);
  Result<Entry> make_draft(const Credentials& who, Ino parent, std::string_view name, NewDraft draft);
  // A draft that is named `name` in `from`; `rule`: what its name to come means.
  Status commit_draft(const Credentials& who, Ino draft, const Node& from, std::string_view name, const Node& parent,
                      std::string_view committed_name, const CreateRule& rule, HashBudget budget);
  // A draft that lies under a version's name.
  Status commit_in_place(const Credentials& who, Ino draft);
  // NotPermitted: the draft `name` in `directory` is another user's, whose name stays: where all who may write to a
  // domain have their drafts, they are as in a sticky directory.
  Status check_others_draft(const Credentials& who, const Node& directory, std::string_view name);
  // Until a release's former draft is swept away, no draft can be made in its directory.
  bool is_swept_first(const Node& directory) const {
    return directory.is_release_directory() && registry.drafts().tree().is_dead(directory.ino);
  }
  // Whether a name that is made in `directory`, or removed from it, is a commit that waits for others.
  bool commits_at(const Node& directory) const;
  void wait_for_sweep(const Node& directory);
  bool was_published_meanwhile(const Node& directory) const;
  struct Rename;
  struct Moved;
  Status move_name(const Credentials& who, Ino parent, std::string_view name, Ino new_parent, std::string_view new_name,
                   RenameFlag flag);
  Result<Moved> judge_rename(const Rename& rename);
  Status check_replacing(const Rename& rename, FileType type, const Result<Node>& there);
  // Gives the Status back, as rename(2) may answer it.
  Status refuse_rename(const Rename& rename, const Status& status);
  Status move_draft_as(const Rename& rename, const DraftEntry& source, const CreateRule& rule);
  Status move_to_commit(const Rename& rename, const DraftEntry& source, const CreateRule& rule);
  // A draft symlink that becomes a label, or takes the place of one.
  Status move_to_label(const Rename& rename, const DraftEntry& source);
  // A finished file that is moved onto the name of an archive or marker.
  Status move_to_upload(const Rename& rename, const DraftEntry& source, const CreateRule& rule);
  // What is published: its removal, restoring, or another name for a label.
  Status move_committed(const Credentials& who, const Node& from, const Node& moved, std::string_view name,
                        const Node& to, std::string_view new_name, RenameFlag flag);
  // rename(2) between directories that hold drafts.
  Status move_draft(FileType type, const Node& from, std::string_view name, const Node& to, std::string_view new_name,
                    bool replace);
  Status exchange_drafts(const Node& from, std::string_view name, const Node& to, std::string_view new_name);
  void doubt_moved(const Node& directory, std::string_view name);
  Status clear_empty_target(const Credentials& who, const Node& directory, std::string_view name, bool replace);
  // What a fresh name in `parent` would mean; also in a draft, where clients have markers.
  CreateRule create_rule_of(const Snapshot& stored, const Node& parent, std::string_view name, FileType type) const;
  // Why no file `name` can be made in `parent` now; Ok: it can, or nobody knows.
  Status refusal_now(Ino parent, std::string_view name) const;
  // AlreadyExists: a move from a release's `.stage` into a generation of it that is published. A trainer whose number
  // was taken meanwhile hears that; what it moves stays where it is.
  Status check_stage_move(const Node& from, const Node& to) const;
  // Names came into `directory` or left it. Why the kernel must hear so, though it asked for it: an older answer about
  // the directory that is under way would count for long.
  void names_changed(Ino directory);

  // rmdir(2) of a directory that is there again at once.
  Status remove_standing(const Node& node);
  // unlink(2) and rmdir(2) of what is committed.
  Status remove_committed(const Credentials& who, const Node& parent, const Node& node, std::string_view name);

  // What clients' writes need: see there.
  std::optional<Node> find_node(Ino ino) const override;
  void rebind_nodes(const Published& published) override;
  void remember_error(Ino where, uid_t user, std::string reason) override {
    refusals.remember(where, user, std::move(reason));
  }
  Status refuse(const Credentials& who, Ino where, const std::string& what, Status status) override {
    return refusals.refuse(who, where, what, std::move(status));
  }
  // Whether it is the file that its client wrote to publish what it lies in.
  bool is_marker(const Node& place);
  // Before who is not root writes. Their errors are those of chmod.
  Status drop_set_ids(const Credentials& who, OpenHandle& opened);
  // A release was removed that was called `version` there: the kernel forgets its faces, and it is under no client's
  // removal any more.
  void release_is_gone(Ino directory, std::string_view version);
  // Stale: it is a face whose release was removed since the kernel has asked for its name.
  Status check_face(const Node& place);
  void invalidate_entry(Ino directory, const std::string& name) override {
    kernel.invalidate_entry_later(directory, name, KernelCache::Wait::Briefly);
    release_is_gone(directory, name);
  }

  // Handles.
  Result<Opened> open_draft(const Credentials& who, Ino ino, int flags);
  // A committed file or archive.
  Result<Opened> open_content(const Node& place);
  // A Text, or one of the mount's own files.
  Result<Opened> open_document(const Node& place);
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
  bool has_drafts(Ino directory) const;

  Registry& registry;
  KernelCache& kernel;
  const Options options;
  const TimeNs mounted = now();
  ContainerCache cache;
  NodeTable nodes;
  StageLives stage_lives;
  std::atomic<std::uint64_t> set_ids_given = 1;  // how often a draft got a set-user-ID or set-group-ID bit
  std::atomic<std::uint64_t> next_node = 1;      // in kNodeBlock
  OpenNodes open_nodes;
  PageSources page_sources;
  const Layouts layouts;
  const LayoutMount layout_mount;
  Traffic traffic;
  Descriptors descriptors;
  HandleTable handles;
  Refusals refusals;
  const Documents documents;
  ClientWrites client_writes;  // last: its work uses all of the above
};

}  // namespace modelfs
