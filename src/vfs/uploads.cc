#include "vfs/uploads.h"

#include "base/log.h"
#include "formats/modelstore_document.h"
#include "os/proc.h"
#include "vfs/state.h"

namespace modelfs {

std::string MountUpload::str() const {
  if (target) return target->str();
  return (domain ? domain->str() + "/" : "") + name;
}

void Uploads::add(MountUpload upload) {
  const MutexLock lock(mutex_);
  const std::uint64_t file = raw(upload.file);
  items_.insert_or_assign(file, Item{.upload = std::move(upload)});
}

void Uploads::follow(Ino file, std::unique_ptr<UnpackingBehind> behind) {
  const MutexLock lock(mutex_);
  if (const auto found = items_.find(raw(file)); found != items_.end()) found->second.behind = std::move(behind);
}

std::unique_ptr<UnpackingBehind> Uploads::take_follower(Ino file) {
  const MutexLock lock(mutex_);
  const auto found = items_.find(raw(file));
  return found == items_.end() ? nullptr : std::move(found->second.behind);
}

void Uploads::opened(Ino file) {
  const MutexLock lock(mutex_);
  if (const auto found = items_.find(raw(file)); found != items_.end()) ++found->second.handles;
}

bool Uploads::released(Ino file) {
  const MutexLock lock(mutex_);
  const auto found = items_.find(raw(file));
  return found != items_.end() && --found->second.handles == 0;
}

Uploads::Decision::~Decision() {
  const MutexLock lock(uploads_.mutex_);
  if (const auto found = uploads_.items_.find(raw(file_)); found != uploads_.items_.end()) {
    found->second.is_being_decided = false;
  }
  uploads_.decided_.notify_all();
}

std::unique_ptr<Uploads::Decision> Uploads::decide(Ino file) {
  const MutexLock lock(mutex_);
  for (;;) {
    const auto found = items_.find(raw(file));
    if (found == items_.end()) return nullptr;
    if (!found->second.is_being_decided) {
      found->second.is_being_decided = true;
      return std::make_unique<Decision>(*this, file);
    }
    decided_.wait(mutex_);
  }
}

std::optional<MountUpload> Uploads::find(Ino file) const {
  const MutexLock lock(mutex_);
  const auto found = items_.find(raw(file));
  return found == items_.end() ? std::nullopt : std::optional(found->second.upload);
}

std::optional<MountUpload> Uploads::named(Ino parent, std::string_view name, pid_t thread) const {
  std::optional<MountUpload> candidate;
  pid_t process = -1;
  const MutexLock lock(mutex_);
  for (const auto& [file, item] : items_) {
    const MountUpload& upload = item.upload;
    if (upload.parent != parent || upload.name != name || upload.creator == 0 || item.refusal) continue;
    if (process < 0) process = process_of(thread);
    if (upload.creator == process) candidate = upload;
  }
  return candidate;
}

std::optional<Status> Uploads::refusal(Ino file, std::uint64_t changes) const {
  const MutexLock lock(mutex_);
  const auto found = items_.find(raw(file));
  if (found == items_.end() || found->second.refused_changes != changes) return std::nullopt;
  return found->second.refusal;
}

void Uploads::refuse(Ino file, std::uint64_t changes, Status why) {
  const MutexLock lock(mutex_);
  const auto found = items_.find(raw(file));
  if (found == items_.end()) return;
  found->second.refused_changes = changes;
  found->second.refusal = std::move(why);
}

void Uploads::remove(Ino file) {
  const auto unused = take_follower(file);  // ends without the lock
  const MutexLock lock(mutex_);
  items_.erase(raw(file));
}

// What a mount does with them.

namespace {

constexpr int kNamesMax = 1000;  // of uploads of one name that lie about

// The directory in which people find it.
std::string kept_in(const MountUpload& upload) {
  const auto& domain = upload.target ? upload.target->domain : upload.domain;
  return "/.modelfs/drafts/" + (domain ? domain->str() : std::string(kModelstoreName));
}

}  // namespace

// What publishing it needs to know; not yet where its file lies.
Result<MountUpload> FileSystem::State::plan_upload(const Node& parent, std::string_view name, const CreateRule& rule) {
  using Upload = CreateRule::Upload;
  const bool makes_target =
      rule.upload == Upload::Archive || rule.upload == Upload::Package || rule.upload == Upload::Tag;
  if (!makes_target) return plan_modelstore_upload(parent, name, rule);
  const Node& place = rule.place ? *rule.place : parent;
  auto target = target_of(place, rule, rule.is_generation, rule.stem);
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

Result<Entry> FileSystem::State::begin_upload(const Credentials& who, const Node& parent, std::string_view name,
                                              const CreateRule& rule, const NewDraft& fresh_file) {
  auto planned = plan_upload(parent, name, rule);
  if (!planned.ok()) return planned.status();
  const std::string own_name =
      rule.upload == CreateRule::Upload::Tag ? rule.stem + "." + std::string(name)
      : rule.upload == CreateRule::Upload::Archive || rule.upload == CreateRule::Upload::Package
          ? rule.stem + rule.suffix
          : std::string(name);
  const std::string shown = (rule.is_generation ? planned->target->version.str() + "." : "") + own_name;
  const auto made = make_upload_file(who, *planned, shown, fresh_file);
  if (!made.ok()) return made.status();
  return enter_draft(*made, parent, name);
}

Result<DraftInode> FileSystem::State::make_upload_file(const Credentials& who, MountUpload upload,
                                                       const std::string& shown, const NewDraft& fresh_file) {
  const auto& target = upload.target;
  if (target && !target->is_generation) {
    const auto stored = registry.snapshot();
    if (!stored.ok()) return stored.status();
    const auto taken = stored->release(target->domain, target->version.str());
    if (taken.ok()) return Status(Code::AlreadyExists, target->str() + " is published already");
    if (taken.code() != Code::NotFound) return taken.status();
  }
  upload.directory = kModelstoreUploadsIno;
  if (const auto domain = target ? target->domain : upload.domain) {
    const auto head = registry.domain(*domain);
    if (!head.ok()) return head.status();
    upload.directory = head->uploads();
  }
  upload.creator = process_of(who.pid);
  for (int i = 1; i <= kNamesMax; ++i) {
    upload.draft_name = i == 1 ? shown : shown + ".~" + std::to_string(i) + "~";
    auto made = registry.drafts().make(upload.directory, upload.draft_name, fresh_file);
    if (made.code() == Code::AlreadyExists) continue;
    if (!made.ok()) return made.status();
    upload.file = made->ino;
    uploads.add(std::move(upload));
    return made;
  }
  return Status(Code::AlreadyExists,
                "too many refused uploads of " + shown + " lie in " + kept_in(upload) + "; remove some");
}

Status FileSystem::State::publish_upload(const Credentials& who, const MountUpload& upload) {
  const auto on_published = [this](const Published& done) { rebind_nodes(done); };
  if (upload.kind == CreateRule::Upload::Tag) {
    return ingest.tags
        .publish({upload.file, upload.directory, upload.draft_name, upload.beside, upload.above, upload.stem,
                  *upload.target, who, on_published})
        .status();
  }
  if (!upload.target) return publish_modelstore_upload(who, upload);
  ArchiveRequest request{upload.file,       upload.directory,
                         upload.draft_name, upload.suffix,
                         *upload.target,    who,
                         on_published,      uploads.take_follower(upload.file)};
  if (upload.kind == CreateRule::Upload::Package) {
    request.orders_versions = true;
    // It may have been removed while the package was written.
    const auto draft = registry.drafts().lookup(upload.above, upload.stem);
    if (draft.ok() && draft->ino == upload.beside) request.beneath = upload.beside;
  }
  return ingest.archives.publish(request).status();
}

void FileSystem::State::refuse_upload(const Credentials& who, const MountUpload& upload, std::uint64_t changes,
                                      const Status& why) {
  uploads.refuse(upload.file, changes, why);
  (void)uploads.take_follower(upload.file);
  const std::string kept = kept_in(upload) + "/" + upload.draft_name;
  remember_error(upload.file, who.uid, why.message());
  registry.events().append(
      "upload_refused",
      {{"target", upload.str()}, {"reason", why.message()}, {"kept", kept}, {"by", user_name(who.uid)}});
}

Status FileSystem::State::close_upload(const Credentials& who, const OpenHandle& handle, const MountUpload& upload) {
  DraftFile& file = handle.draft->file();
  if (!handle.draft->writes()) return {};
  const auto inode = registry.drafts().stat(upload.file);
  if (!inode.ok()) return inode.code() == Code::NotFound ? Status() : inode.status();
  if (inode->record.link_count == 0 || inode->size_bytes == 0) return {};  // removed meanwhile; or nothing to decide
  // Of closes at the same time each answers what became of it, not only the one that decides.
  const auto decision = uploads.decide(upload.file);
  if (!decision) return {};
  const std::uint64_t changes = file.changes();
  if (const auto refused = uploads.refusal(upload.file, changes)) return *refused;
  if (is_dying_badly(who.pid)) {
    Status why(Code::Interrupted, "its writer died before it had closed the file");
    refuse_upload(who, upload, changes, why);
    return why;
  }
  const Ino seen = upload.seen_as == kNoIno ? upload.file : upload.seen_as;
  if (has_writer(seen, upload.name, options.mount_point)) return {};  // a later close decides
  const Status status = publish_upload(who, upload);
  if (status.code() == Code::Conflict) return {};  // likewise: somebody writes it whom /proc does not show
  if (status.ok()) {
    uploads.remove(upload.file);
  } else {
    refuse_upload(who, upload, changes, status);
  }
  return status;
}

void FileSystem::State::end_upload(const std::shared_ptr<OpenHandle>& handle) {
  const auto upload = uploads.find(handle->ino);
  if (!upload || !uploads.released(handle->ino)) return;
  const auto inode = registry.drafts().stat(handle->ino);
  const std::uint64_t changes = handle->draft->file().changes();
  const bool is_undecided = inode.ok() && inode->record.link_count > 0 && !uploads.refusal(handle->ino, changes);
  if (is_undecided && inode->size_bytes == 0) {
    (void)registry.drafts().unlink(upload->directory, upload->draft_name);
  } else if (is_undecided) {
    // No close could decide: somebody seemed to write until the end. Nobody does any more.
    Credentials who{inode->record.owner.uid, inode->record.owner.gid, 0, {}};
    late.submit([this, upload = *upload, who, changes] {
      const Status status = publish_upload(who, upload);
      if (!status.ok()) refuse_upload(who, upload, changes, status);
    });
  }
  uploads.remove(handle->ino);
}

}  // namespace modelfs
