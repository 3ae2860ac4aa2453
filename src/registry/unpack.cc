// From an uploaded archive to a release: unpacked into a draft of its own, then published with it.
#include <fcntl.h>

#include <unordered_map>
#include <utility>

#include "archive/read_archive.h"
#include "base/log.h"
#include "registry/registry.h"

namespace modelfs {
namespace {

constexpr std::uint32_t kDirectoryMode = 0755;  // of directories that no member names

// The bytes of a draft file.
class SealedSource : public ArchiveSource {
 public:
  explicit SealedSource(const SealedFile& file) : file_(file) {}
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) override {
    return modelfs::read_at(file_.host(), offset_bytes, into);
  }
  Result<std::uint64_t> size_bytes() override { return file_.sum().size_bytes; }

 private:
  const SealedFile& file_;
};

// Makes each member as a draft below `root`. Times and modes of directories are set at the end, when nothing is made in
// them any more.
class DraftSink : public ArchiveSink {
 public:
  DraftSink(DraftStore& drafts, Ino root, const Credentials& who) : drafts_(drafts), who_(who) {
    inos_.push_back(root);
  }

  Status begin(const ArchiveMember& member) override {
    if (member.number == 0) return {};
    if (member.link_to) {
      const auto made = drafts_.link(inos_[*member.link_to], inos_[member.parent], member.name);
      if (!made.ok()) return made.status();
      return add(member.number, made->ino);
    }
    NewDraft fresh;
    fresh.type = member.type;
    fresh.owner = {who_.uid, who_.gid, member.implied ? kDirectoryMode : member.mode & 0777};
    fresh.target = member.target;
    const auto made = drafts_.make(inos_[member.parent], member.name, fresh);
    if (!made.ok()) return made.status();
    if (Status status = add(member.number, made->ino); !status.ok()) return status;
    if (member.type == FileType::Directory) {
      if (!member.implied) directory_times_[member.number] = member.mtime;
      return {};
    }
    if (member.type == FileType::Symlink) return set_time(made->ino, member.mtime);
    auto handle = drafts_.open_file(made->ino, true, 0);
    if (!handle.ok()) return handle.status();
    handle_ = std::move(*handle);
    mtime_ = member.mtime;
    written_ = 0;
    return {};
  }

  Status write(std::uint64_t offset_bytes, ByteView bytes) override {
    written_ = offset_bytes + bytes.size();
    return handle_->write(offset_bytes, bytes);
  }

  Status end(std::uint64_t size_bytes) override {
    const auto handle = std::exchange(handle_, nullptr);
    if (size_bytes > written_) {
      if (Status status = handle->file().truncate(size_bytes); !status.ok()) return status;  // ends in a hole
    }
    // Why before the close: nothing may change the file once it is summed.
    if (Status status = set_time(handle->file().ino(), mtime_); !status.ok()) return status;
    return handle->flush();
  }

  Status describe(const ArchiveMember& directory) override {
    directory_times_[directory.number] = directory.mtime;
    DraftChange change;
    change.mode = directory.mode & 0777;
    const auto changed = drafts_.change(inos_[directory.number], change);
    return changed.ok() ? Status() : changed.status();
  }

  Status finish() {
    for (const auto& [number, mtime] : directory_times_) {
      if (Status status = set_time(inos_[number], mtime); !status.ok()) return status;
    }
    return {};
  }

 private:
  Status add(std::uint32_t number, Ino ino) {
    if (number != inos_.size()) return {Code::Internal, "members come out of order"};
    inos_.push_back(ino);
    return {};
  }
  Status set_time(Ino ino, TimeNs mtime) {
    DraftChange change;
    change.mtime = mtime;
    change.atime = mtime;
    const auto changed = drafts_.change(ino, change);
    return changed.ok() ? Status() : changed.status();
  }

  DraftStore& drafts_;
  const Credentials& who_;
  std::vector<Ino> inos_;  // by number
  std::unordered_map<std::uint32_t, TimeNs> directory_times_;
  std::unique_ptr<DraftHandle> handle_;
  TimeNs mtime_{};
  std::uint64_t written_ = 0;
};

// A draft directory that nobody sees, and that goes when it was not published.
class UnpackingDirectory {
 public:
  static Result<std::unique_ptr<UnpackingDirectory>> make(DraftStore& drafts, Ino place, Ino file,
                                                          const Credentials& who) {
    std::unique_ptr<UnpackingDirectory> made(new UnpackingDirectory(drafts, place, std::to_string(raw(file))));
    NewDraft fresh;
    fresh.type = FileType::Directory;
    fresh.owner = {who.uid, who.gid, kDirectoryMode};
    const auto root = drafts.make(place, made->name_, fresh);
    if (!root.ok()) return root.status();
    made->root_ = root->ino;
    return made;
  }
  ~UnpackingDirectory() {
    if (root_ == kNoIno) return;
    if (Status status = drafts_.discard(place_, name_); !status.ok()) log::warn("unpacking: {}", status.message());
  }
  UnpackingDirectory(const UnpackingDirectory&) = delete;
  UnpackingDirectory& operator=(const UnpackingDirectory&) = delete;

  Ino root() const { return root_; }
  const std::string& name() const { return name_; }
  void published() { root_ = kNoIno; }

 private:
  UnpackingDirectory(DraftStore& drafts, Ino place, std::string name)
      : drafts_(drafts), place_(place), name_(std::move(name)) {}

  DraftStore& drafts_;
  const Ino place_;
  const std::string name_;
  Ino root_ = kNoIno;
};

}  // namespace

Result<Published> Registry::publish_archive(const ArchiveRequest& request) {
  auto published = unpack_and_publish(request);
  sweep_later();
  if (published.ok() && settler_) settler_->wake();
  return published;
}

Result<Published> Registry::unpack_and_publish(const ArchiveRequest& request) {
  const auto stored = snapshot();
  if (!stored.ok()) return stored.status();
  const auto domain = stored->domain(request.target.domain);
  if (!domain.ok()) return domain.status();
  if (Status status = authorise(request.who, domain->owner, Right::Publish, request.target.domain.str()); !status.ok())
    return status;
  const auto format = format_of_suffix(request.suffix);
  if (!format) return Status(Code::InvalidArgument, "'" + printable(request.suffix) + "' names no archive format");

  auto sealed = drafts_->seal(request.file);
  if (!sealed.ok()) return sealed.status();
  const auto unpacking = UnpackingDirectory::make(*drafts_, domain->unpacking(), request.file, request.who);
  if (!unpacking.ok()) return unpacking.status();
  SealedSource source(**sealed);
  DraftSink sink(*drafts_, (*unpacking)->root(), request.who);
  Status status = read_archive(source, *format, options_.archive_limits, sink);
  if (status.ok()) status = sink.finish();
  if (!status.ok()) return Status(status.code(), request.target.str() + request.suffix + ": " + status.message());

  ArchiveOriginal original{**sealed, request.directory, request.name, request.suffix};
  const PublishRequest publication{(*unpacking)->root(), domain->unpacking(), (*unpacking)->name(), request.target,
                                   request.who,          Effort::Full,        request.on_published, &original};
  auto published = publish(publication);
  if (!published.ok()) return published;
  if (!published->already) {
    (*unpacking)->published();
    return published;
  }
  // The same content is there: what was sent is not needed.
  sealed->reset();
  if (Status removed = drafts_->unlink(request.directory, request.name); !removed.ok()) {
    log::warn("an upload stays behind: {}", removed.message());
  }
  return published;
}

Status Registry::discard_unpacking() {
  const auto stored = snapshot();
  if (!stored.ok()) return stored.status();
  Status failed;
  const Status walked = stored->for_each_domain([&](const DomainName&, const DomainRecord& head) {
    const auto left = drafts_->list(head.unpacking());
    if (!left.ok()) failed = left.status();
    for (const DraftName& name : left.ok() ? *left : std::vector<DraftName>()) {
      if (failed.ok()) failed = drafts_->discard(head.unpacking(), name.name);
    }
    return failed.ok();
  });
  return walked.ok() ? failed : walked;
}

}  // namespace modelfs
