#include "control/put_session.h"

#include <unistd.h>

#include <utility>

#include "base/log.h"
#include "base/names.h"
#include "control/fields.h"
#include "registry/access.h"

namespace modelfs {
namespace {

// Marks a put's draft, so that a user's own directory of such a name is never taken for one.
constexpr std::string_view kPutMark = "user.modelfs.put";
constexpr std::uint32_t kDomainMode = 0755;   // what mkdir(1) makes with the usual umask
constexpr std::uint32_t kPrivateMode = 0700;  // other users may not look into an upload
constexpr std::uint64_t kFileBytesMax = INT64_MAX;
// Why without the set-id bits: a release shows the domain's owner, who never agreed to run another user's program under
// their own id.
constexpr std::uint32_t kModeBits = 0777;
constexpr int kNameTriesMax = 1000;

Status malformed(std::string_view name, const char* why) {
  return {Code::Malformed, "the entry '" + printable(name) + "' " + why};
}

}  // namespace

// An entry as the client announced it.
struct PutSession::Wanted {
  enum class Kind { Directory, File, Symlink, HardLink };
  enum class Content { Bytes, Descriptor, Chunks };

  Kind kind = Kind::File;
  std::size_t in = 0;  // number of the directory entry
  std::string name;
  std::uint32_t mode = 0;
  TimeNs mtime{};
  std::string target;            // symlinks
  std::size_t to = 0;            // hard links: number of the file entry
  std::uint64_t size_bytes = 0;  // files
  Content content = Content::Bytes;

  static Wanted read(const nlohmann::json& entry);
};

PutSession::Wanted PutSession::Wanted::read(const nlohmann::json& entry) {
  Wanted wanted;
  wanted.in = number_field(entry, "in");
  wanted.name = text_field(entry, "name");
  const std::string type = text_field(entry, "type");
  if (type == "hardlink") {
    wanted.kind = Kind::HardLink;
    wanted.to = number_field(entry, "to");
    return wanted;
  }
  wanted.mtime = TimeNs{signed_field(entry, "mtime_ns")};
  if (type == "symlink") {
    wanted.kind = Kind::Symlink;
    wanted.target = text_field(entry, "target");
    return wanted;
  }
  wanted.mode = static_cast<std::uint32_t>(number_field(entry, "mode") & kModeBits);
  if (type == "directory") {
    wanted.kind = Kind::Directory;
    return wanted;
  }
  if (type != "file")
    throw BadField("an entry is a file, directory, symlink or hardlink, not '" + printable(type) + "'");
  wanted.size_bytes = number_field(entry, "size");
  if (wanted.size_bytes > kFileBytesMax) throw BadField("no file has " + std::to_string(wanted.size_bytes) + " bytes");
  const std::string content = text_field(entry, "content");
  if (content == "descriptor") {
    wanted.content = Content::Descriptor;
  } else if (content == "chunks") {
    wanted.content = Content::Chunks;
  } else if (content != "bytes") {
    throw BadField("content comes as bytes, descriptor or chunks, not as '" + printable(content) + "'");
  }
  return wanted;
}

PutSession::PutSession(ControlContext& context, Credentials who, Target target)
    : context_(context), who_(std::move(who)), target_(std::move(target)) {}

Result<std::unique_ptr<PutSession>> PutSession::begin(ControlContext& context, const Credentials& who, Target target,
                                                      const std::string& archive) {
  std::unique_ptr<PutSession> session(new PutSession(context, who, std::move(target)));
  session->archive_ = archive;
  Registry& registry = context.registry;
  const DomainName& domain = session->target_.domain;
  auto head = registry.domains().find(domain);
  if (head.code() == Code::NotFound && !session->target_.is_generation) {
    if (Status status = authorise(who, ownership_of_store(registry), Right::Publish, "the registry"); !status.ok())
      return status;
    head = registry.domains().create(domain, {who.uid, who.gid, kDomainMode}, who);
    session->made_domain_ = head.ok();
    if (head.ok()) context.domain_changed(domain);
    if (head.code() == Code::AlreadyExists) {  // another process was first; if it made a draft, this is NotFound again
      const Status taken = head.status();
      head = registry.domains().find(domain);
      if (head.code() == Code::NotFound) return taken;
    }
  }
  if (!head.ok()) return head.status();
  if (Status status = authorise(who, head->owner, Right::Publish, domain.str()); !status.ok()) return status;
  if (Status status = session->make_draft(stage_of(*head)); !status.ok()) return status;
  return session;
}

Status PutSession::make_draft(Ino stage) {
  stage_ = stage;
  DraftStore& drafts = context_.registry.drafts();
  const std::string prefix = std::string(kPutPrefix) + std::to_string(who_.pid) + "-";
  for (int tries = 0; tries < kNameTriesMax; ++tries) {
    const std::string name = prefix + std::to_string(++context_.puts);
    const auto made = drafts.tree().make(stage, name, {FileType::Directory, {who_.uid, who_.gid, kPrivateMode}, ""});
    if (made.code() == Code::AlreadyExists) continue;
    if (!made.ok()) return made.status();
    name_ = name;
    entries_.push_back({made->ino, FileType::Directory, {}});
    return drafts.attributes().setxattr(made->ino, kPutMark, "1", AttributeMode::Set);
  }
  return {Code::Busy, "no name is free for the draft of a put; remove what is in " + target_.domain.str() + "/.stage"};
}

PutSession::~PutSession() {
  pending_.reset();
  Registry& registry = context_.registry;
  if (!name_.empty()) {
    const Status gone = discard(registry.drafts(), stage_, name_);
    if (!gone.ok()) log::warn("the draft of a put stays in {}/.stage: {}", target_.domain.str(), gone.message());
  }
  // Refused, and rightly so, once anything is in it.
  if (made_domain_ && registry.domains().remove(target_.domain, who_).ok()) {
    context_.moved_away(kRootIno, target_.domain.str());
  }
}

Status PutSession::add(Message& message, const Proceed& proceed) {
  if (pending_) return malformed(pending_->name, "lacks some of its bytes");
  bytes_taken_ = descriptors_taken_ = 0;
  bytes_copied_ = 0;
  const nlohmann::json& listed = field(message.body, "entries");
  if (!listed.is_array()) throw BadField("the field 'entries' is not an array");
  for (const nlohmann::json& entry : listed) {
    if (pending_) return malformed(pending_->name, "comes in chunks and must be the last of its message");
    if (Status status = add_one(Wanted::read(entry), message, proceed); !status.ok()) return status;
  }
  if (bytes_taken_ != message.bytes.size() || descriptors_taken_ != message.descriptors.size()) {
    return {Code::Malformed, "a message with bytes or descriptors that belong to no entry"};
  }
  return {};
}

Status PutSession::add_one(const Wanted& wanted, Message& message, const Proceed& proceed) {
  DraftStore& drafts = context_.registry.drafts();
  if (wanted.in >= entries_.size() || entries_[wanted.in].type != FileType::Directory) {
    return malformed(wanted.name, "lies in something that is not a directory");
  }
  const Ino directory = entries_[wanted.in].ino;
  switch (wanted.kind) {
    case Wanted::Kind::File: return add_file(wanted, message, proceed);
    case Wanted::Kind::HardLink: {
      if (wanted.to >= entries_.size() || entries_[wanted.to].type != FileType::Regular) {
        return malformed(wanted.name, "is a hard link to something that is not a file");
      }
      entries_.push_back({entries_[wanted.to].ino, FileType::Regular, {}});
      return drafts.tree().link(entries_.back().ino, directory, wanted.name).status();
    }
    case Wanted::Kind::Symlink: {
      const auto made =
          drafts.tree().make(directory, wanted.name, {FileType::Symlink, {who_.uid, who_.gid, 0777}, wanted.target});
      if (!made.ok()) return made.status();
      entries_.push_back({made->ino, FileType::Symlink, {}});
      DraftChange times;
      times.mtime = wanted.mtime;
      return drafts.attributes().setattr(made->ino, times).status();
    }
    case Wanted::Kind::Directory: {
      const auto made =
          drafts.tree().make(directory, wanted.name, {FileType::Directory, {who_.uid, who_.gid, wanted.mode}, ""});
      if (!made.ok()) return made.status();
      entries_.push_back({made->ino, FileType::Directory, wanted.mtime});
      return {};
    }
  }
  return {Code::Internal, "an entry of no kind"};
}

Status PutSession::add_file(const Wanted& wanted, Message& message, const Proceed& proceed) {
  DraftStore& drafts = context_.registry.drafts();
  const auto made = drafts.tree().make(entries_[wanted.in].ino, wanted.name,
                                       {FileType::Regular, {who_.uid, who_.gid, wanted.mode}, ""});
  if (!made.ok()) return made.status();
  entries_.push_back({made->ino, FileType::Regular, {}});
  auto handle = drafts.files().open(made->ino, true, who_.pid);
  if (!handle.ok()) return handle.status();
  if (!archive_.empty()) behind_ = context_.archives.unpack_behind(made->ino, archive_, target_.domain, who_);
  if (wanted.content == Wanted::Content::Chunks) {
    pending_ = Pending{*std::move(handle), made->ino, wanted.name, wanted.size_bytes, wanted.mtime};
    return {};
  }
  if (Status status = fill(wanted, message, proceed, **handle); !status.ok()) return status;
  return finish_file(made->ino, wanted.name, wanted.mtime, **handle);
}

Status PutSession::fill(const Wanted& wanted, Message& message, const Proceed& proceed, DraftHandle& handle) {
  if (wanted.content == Wanted::Content::Bytes) {
    if (message.bytes.size() - bytes_taken_ < wanted.size_bytes)
      return malformed(wanted.name, "has too few bytes in its message");
    const auto bytes = std::string_view(message.bytes).substr(bytes_taken_, wanted.size_bytes);
    bytes_taken_ += bytes.size();
    return bytes.empty() ? Status() : handle.write(0, bytes_of(bytes));
  }
  if (descriptors_taken_ >= message.descriptors.size())
    return malformed(wanted.name, "has no descriptor in its message");
  const File source = std::move(message.descriptors[descriptors_taken_++]);
  if (Status status = check_readable_source(source.fd(), wanted.name); !status.ok()) return status;
  const std::uint64_t before = bytes_copied_;
  bytes_copied_ += wanted.size_bytes;
  return copy_content(source.fd(), handle, wanted.name, [&](std::uint64_t copied) { return proceed(before + copied); });
}

// The time is set before the close: afterwards nothing about the file changes any more.
Status PutSession::finish_file(Ino ino, std::string_view name, TimeNs mtime, DraftHandle& handle) {
  DraftChange times;
  times.mtime = mtime;
  Status status = context_.registry.drafts().attributes().setattr(ino, times).status();
  if (status.ok()) status = handle.flush();
  if (status.ok()) return status;
  return {status.code(), "'" + printable(name) + "': " + status.message()};
}

Status PutSession::write(std::uint64_t offset_bytes, std::string_view bytes) {
  if (!pending_) return {Code::Malformed, "bytes that belong to no entry"};
  if (context_.stopping) return {Code::Interrupted, "the daemon is being stopped"};
  if (offset_bytes > pending_->size_bytes || bytes.size() > pending_->size_bytes - offset_bytes) {
    return malformed(pending_->name, "has more bytes than were announced");
  }
  return pending_->handle->write(offset_bytes, bytes_of(bytes));
}

Status PutSession::end_chunks() {
  if (!pending_) return {Code::Malformed, "no entry is waiting for bytes"};
  const Pending done = std::move(*pending_);
  pending_.reset();
  const auto inode = context_.registry.drafts().tree().stat(done.ino);
  if (!inode.ok()) return inode.status();
  if (inode->size_bytes < done.size_bytes) {  // a hole at the end
    if (Status status = done.handle->file().truncate(done.size_bytes); !status.ok()) return status;
  }
  return finish_file(done.ino, done.name, done.mtime, *done.handle);
}

Result<Published> PutSession::commit(std::uint32_t root_mode, TimeNs root_mtime) {
  if (pending_) return malformed(pending_->name, "lacks some of its bytes");
  DraftStore& drafts = context_.registry.drafts();
  entries_[0].mtime = root_mtime;
  for (const Entry& entry : entries_) {
    if (!entry.mtime) continue;
    DraftChange last;
    last.mtime = *entry.mtime;
    if (entry.ino == entries_[0].ino) last.mode = root_mode & kModeBits;
    if (const auto changed = drafts.attributes().setattr(entry.ino, last); !changed.ok()) return changed.status();
  }
  auto published = publish();
  if (published.ok()) made_domain_ = false;
  return published;
}

Result<Published> PutSession::publish() {
  if (archive_.empty()) {
    PublishRequest request{
        entries_[0].ino, stage_, name_, target_, who_, HashBudget::Full, context_.hooks.on_published};
    request.metadata = metadata_;
    auto published = context_.registry.publish(request);
    if (published.ok() && !published->already) name_.clear();  // the draft became the release
    return published;
  }
  const auto files = context_.registry.drafts().tree().list(entries_[0].ino);
  if (!files.ok()) return files.status();
  if (files->size() != 1 || files->front().type != FileType::Regular) {
    return Status(Code::Malformed, "an archive is one file");
  }
  ArchiveRequest request{files->front().ino,          entries_[0].ino,   files->front().name, archive_, target_, who_,
                         context_.hooks.on_published, std::move(behind_)};
  request.metadata = metadata_;
  return context_.archives.publish(request);
}

Status PutSession::discard(DraftStore& drafts, Ino directory, const std::string& name) {
  struct Step {
    Ino directory = kNoIno;
    DraftName at;
    bool emptied = false;
  };
  const auto root = drafts.tree().lookup(directory, name);
  if (!root.ok()) return root.code() == Code::NotFound ? Status() : root.status();
  std::vector<Step> steps{{directory, {name, root->ino, root->type}, false}};
  while (!steps.empty()) {
    Step& step = steps.back();
    if (step.at.type == FileType::Directory && !step.emptied) {
      step.emptied = true;
      const Ino inside = step.at.ino;
      auto names = drafts.tree().list(inside);
      if (!names.ok()) return names.status();
      for (DraftName& child : *names) steps.push_back({inside, std::move(child), false});
      continue;
    }
    const Step last = std::move(steps.back());
    steps.pop_back();
    const Status gone = last.at.type == FileType::Directory ? drafts.tree().rmdir(last.directory, last.at.name)
                                                            : drafts.tree().unlink(last.directory, last.at.name);
    if (!gone.ok() && gone.code() != Code::NotFound) return gone;
  }
  return {};
}

Status PutSession::discard_all(Registry& registry) {
  if (registry.is_read_only()) return {};
  std::vector<Ino> stages;
  {
    const auto stored = registry.snapshot();
    if (!stored.ok()) return stored.status();
    const Status walked = stored->for_each_domain([&](const DomainName&, const DomainRecord& head) {
      stages.push_back(stage_of(head));
      return true;
    });
    if (!walked.ok()) return walked;
  }
  DraftStore& drafts = registry.drafts();
  for (const Ino stage : stages) {
    const auto names = drafts.tree().list(stage);
    if (!names.ok()) return names.status();
    for (const DraftName& draft : *names) {
      if (!draft.name.starts_with(kPutPrefix) || !drafts.attributes().getxattr(draft.ino, kPutMark).ok()) continue;
      if (Status status = discard(drafts, stage, draft.name); !status.ok()) return status;
    }
  }
  return {};
}

}  // namespace modelfs
