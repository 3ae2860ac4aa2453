#include "ingest/mount_uploads.h"

#include <utility>

#include "base/log.h"
#include "ingest/create_target.h"
#include "os/proc.h"

namespace modelfs {

using Upload = CreateRule::Upload;

namespace {

constexpr int kNamesMax = 1000;  // of uploads of one name that lie about

// How people find the file of an upload.
std::string shown_name(const MountUpload& upload, const CreateRule& rule, std::string_view name) {
  std::string own_name(name);
  if (rule.upload == Upload::Tag) own_name = rule.stem + "." + std::string(name);
  if (rule.upload == Upload::Archive || rule.upload == Upload::Package) own_name = rule.stem + rule.suffix;
  return (rule.is_generation ? upload.target->version.str() + "." : "") + own_name;
}

}  // namespace

MountUploads::MountUploads(Registry& registry, Ingest& ingest, const Layouts& layouts, const LayoutMount& layout_mount,
                           ClientMount& mount, std::string mount_point)
    : registry_(registry),
      ingest_(ingest),
      layout_mount_(layout_mount),
      mount_(mount),
      mount_point_(std::move(mount_point)),
      modelstore_(registry, ingest.models, layouts, layout_mount, mount) {}

// What publishing it needs to know; not yet where its file lies.
Result<MountUpload> MountUploads::plan(const Node& parent, std::string_view name, const CreateRule& rule) const {
  if (!rule.publishes()) return modelstore_.plan(parent, name, rule);
  const Node& place = rule.place ? *rule.place : parent;
  auto target = create_target(layout_mount_, place, rule, rule.is_generation, rule.stem);
  if (!target.ok()) return target.status();
  MountUpload upload{.target = std::move(*target), .suffix = rule.suffix};
  upload.parent = parent.ino;
  upload.name = name;
  upload.kind = rule.upload;
  if (!rule.place) return upload;
  upload.beside = parent.ino;
  upload.above = place.ino;
  upload.stem = rule.stem;
  return upload;
}

Result<DraftInode> MountUploads::begin(const Credentials& who, const Node& parent, std::string_view name,
                                       const CreateRule& rule, const NewDraft& fresh_file) {
  auto planned = plan(parent, name, rule);
  if (!planned.ok()) return planned.status();
  const std::string shown = shown_name(*planned, rule, name);
  return make_file(who, std::move(*planned), shown, fresh_file);
}

std::optional<Result<Ino>> MountUploads::begin_rewrite(const Credentials& who, const Node& node, bool truncates) {
  auto planned = modelstore_.plan_rewrite(who, node, truncates);
  if (!planned) return std::nullopt;
  if (!planned->ok()) return planned->status();
  const std::string shown = (*planned)->name;
  const NewDraft fresh_file{FileType::Regular, {who.uid, who.gid, 0644}, ""};
  const auto made = make_file(who, std::move(**planned), shown, fresh_file);
  if (!made.ok()) return made.status();
  return made->ino;
}

Result<DraftInode> MountUploads::make_file(const Credentials& who, MountUpload upload, const std::string& shown,
                                           const NewDraft& fresh_file) {
  const auto& target = upload.target;
  if (target && !target->is_generation) {
    const auto stored = registry_.snapshot();
    if (!stored.ok()) return stored.status();
    const auto taken = stored->release(target->domain, target->version.str());
    if (taken.ok()) return Status(Code::AlreadyExists, target->str() + " is published already");
    if (taken.code() != Code::NotFound) return taken.status();
  }
  upload.directory = kModelstoreUploadsIno;
  if (const auto domain = target ? target->domain : upload.domain) {
    const auto head = registry_.domains().find(*domain);
    if (!head.ok()) return head.status();
    upload.directory = head->uploads();
  }
  upload.creator = process_of(who.pid);
  for (int i = 1; i <= kNamesMax; ++i) {
    upload.draft_name = i == 1 ? shown : shown + ".~" + std::to_string(i) + "~";
    auto made = registry_.drafts().tree().make(upload.directory, upload.draft_name, fresh_file);
    if (made.code() == Code::AlreadyExists) continue;
    if (!made.ok()) return made.status();
    upload.file = made->ino;
    pending_.add(std::move(upload));
    return made;
  }
  return Status(Code::AlreadyExists,
                "too many refused uploads of " + shown + " lie in " + upload.kept_in() + "; remove some");
}

void MountUploads::follow(Ino file, const Credentials& who) {
  const auto upload = pending_.find(file);
  if (!upload || !upload->target) return;
  pending_.follow(file, ingest_.archives.unpack_behind(file, upload->suffix, upload->target->domain, who));
}

std::optional<Ino> MountUploads::named(Ino parent, std::string_view name, const Credentials& who) const {
  const auto upload = pending_.named(parent, name, who.pid);
  if (!upload) return std::nullopt;
  // One that was refused may have been removed or moved since, by its other name.
  const auto there = registry_.drafts().tree().lookup(upload->directory, upload->draft_name);
  return there.ok() && there->ino == upload->file ? std::optional(upload->file) : std::nullopt;
}

std::optional<Status> MountUploads::unlink(Ino parent, std::string_view name, const Credentials& who) {
  const auto upload = pending_.named(parent, name, who.pid);
  if (!upload) return std::nullopt;
  const Status status = registry_.drafts().tree().unlink(upload->directory, upload->draft_name);
  if (status.ok()) pending_.unlinked(upload->file);
  return status;
}

Status MountUploads::publish(const Credentials& who, const MountUpload& upload) {
  if (upload.kind == Upload::Tag) {
    return ingest_.tags
        .publish({upload.file, upload.directory, upload.draft_name, upload.beside, upload.above, upload.stem,
                  *upload.target, who, [this](const Published& done) { mount_.rebind_nodes(done); }})
        .status();
  }
  return upload.target ? publish_archive(who, upload) : modelstore_.publish(who, upload);
}

Status MountUploads::publish_archive(const Credentials& who, const MountUpload& upload) {
  ArchiveRequest request{upload.file,
                         upload.directory,
                         upload.draft_name,
                         upload.suffix,
                         *upload.target,
                         who,
                         [this](const Published& done) { mount_.rebind_nodes(done); },
                         pending_.take_follower(upload.file)};
  if (upload.kind == Upload::Package) {
    request.orders_versions = true;
    // It may have been removed while the package was written.
    const auto draft = registry_.drafts().tree().lookup(upload.above, upload.stem);
    if (draft.ok() && draft->ino == upload.beside) request.beneath = upload.beside;
  }
  return ingest_.archives.publish(request).status();
}

void MountUploads::refuse(const Credentials& who, const MountUpload& upload, std::uint64_t changes, const Status& why) {
  // Not a document that names an incomplete archive: its writer has written all of it.
  const bool is_archive = upload.kind == Upload::Archive || upload.kind == Upload::Package;
  pending_.refuse(upload.file, changes, why, is_archive && is_incomplete_archive(why));
  (void)pending_.take_follower(upload.file);
  const std::string kept = upload.kept_in() + "/" + upload.draft_name;
  mount_.remember_error(upload.file, who.uid, why.message());
  registry_.events().append(
      "upload_refused",
      {{"target", upload.str()}, {"reason", why.message()}, {"kept", kept}, {"by", user_name(who.uid)}});
}

Status MountUploads::close(const Credentials& who, DraftHandle& handle) {
  DraftFile& file = handle.file();
  const auto upload = pending_.find(file.ino());
  if (!upload || !handle.writes()) return {};
  // Whoever else mends a refused file does it by its other name, and moves it.
  const auto writer = pending_.resting_writer(upload->file);
  if (writer && *writer != process_of(who.pid)) return {};
  const auto inode = registry_.drafts().tree().stat(upload->file);
  if (!inode.ok()) return inode.code() == Code::NotFound ? Status() : inode.status();
  if (inode->record.link_count == 0 || inode->size_bytes == 0) return {};  // removed meanwhile; or nothing to decide
  // Of closes at the same time each answers what became of it, not only the one that decides.
  const auto decision = pending_.decide(upload->file);
  if (!decision) return {};
  const std::uint64_t changes = file.changes();
  if (const auto refused = pending_.refusal(upload->file, changes)) return *refused;
  if (is_killed(who.pid)) {
    Status why(Code::Interrupted, "its writer died before it had closed the file");
    refuse(who, *upload, changes, why);
    return why;
  }
  const Ino seen = upload->seen_as == kNoIno ? upload->file : upload->seen_as;
  if (has_writer(seen, upload->name, mount_point_)) {
    // A later close decides, and perhaps nobody looks at its answer: what is beyond cure is told now.
    UnpackingBehind* const behind = pending_.follower(upload->file);
    return behind != nullptr ? behind->judge_so_far() : Status();
  }
  const Status status = publish(who, *upload);
  if (status.code() == Code::Conflict) return {};  // likewise: somebody writes it whom /proc does not show
  if (status.ok()) {
    pending_.remove(upload->file);
  } else {
    refuse(who, *upload, changes, status);
  }
  return status;
}

void MountUploads::end(std::unique_ptr<DraftHandle> handle) {
  const Ino file = handle->file().ino();
  const auto upload = pending_.find(file);
  if (!upload || !pending_.released(file)) return;
  const auto inode = registry_.drafts().tree().stat(file);
  const std::uint64_t changes = handle->file().changes();
  handle.reset();  // else it would count as a writer of what is published below
  const bool is_there = inode.ok() && inode->record.link_count > 0;
  const auto writer = pending_.resting_writer(file);
  if (writer && is_there && is_alive(*writer)) return;
  const bool is_undecided = is_there && !writer && !pending_.refusal(file, changes);
  if (is_undecided && inode->size_bytes == 0) {
    (void)registry_.drafts().tree().unlink(upload->directory, upload->draft_name);
  } else if (is_undecided) {
    // No close could decide: somebody seemed to write until the end. Nobody does any more.
    Credentials who{inode->record.owner.uid, inode->record.owner.gid, 0, {}};
    late_.submit([this, upload = *upload, who, changes] {
      const Status status = publish(who, upload);
      if (!status.ok()) refuse(who, upload, changes, status);
    });
  }
  pending_.remove(file);
}

Status MountUploads::publish_moved(const Credentials& who, Ino file, const NamedAt& named, const Node& to,
                                   std::string_view new_name, const CreateRule& rule) {
  auto upload = plan(to, new_name, rule);
  if (!upload.ok()) return upload.status();
  upload->file = file;
  upload->directory = named.directory;
  upload->draft_name = named.name;
  Status status = publish(who, *upload);
  if (status.ok()) return status;
  if (status.code() == Code::Conflict) status = Status(Code::Busy, status.message());
  return mount_.refuse(who, file, "publish '" + printable(named.name) + "' as " + upload->str(), status);
}

}  // namespace modelfs
