// What open, read, write and close do.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "vfs/state.h"

namespace modelfs {

using Kind = Node::Kind;

namespace {

Result<std::size_t> copy_part(std::string_view text, std::uint64_t offset_bytes, ByteSpan into) {
  if (offset_bytes >= text.size()) return std::size_t{0};
  const std::size_t count = std::min<std::size_t>(into.size(), text.size() - offset_bytes);
  std::memcpy(into.data(), text.data() + offset_bytes, count);
  return count;
}

bool only_writes(int flags) { return (flags & O_ACCMODE) == O_WRONLY; }

bool wants_to_write(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0; }

}  // namespace

Result<Opened> FileSystem::State::open_draft(const Credentials& who, Ino ino, int flags) {
  const bool truncates = (flags & O_TRUNC) != 0;
  const bool writes = wants_to_write(flags);
  // Also where its bytes lie in the catalog: the first change gives it a file of its own.
  auto descriptor = descriptors.take();
  if (!descriptor.ok()) return descriptor.status();
  auto draft = registry.drafts().files().open(ino, writes, who.pid);
  if (!draft.ok()) return draft.status();
  if (truncates) {
    if (Status status = (*draft)->file().truncate(0); !status.ok()) return status;
  }
  auto opened = std::make_shared<OpenHandle>();
  opened->ino = ino;
  opened->draft = std::move(*draft);
  opened->descriptor = std::move(*descriptor);
  opened->open = open_nodes.open(ino, std::nullopt, only_writes(flags));
  const bool is_direct = opened->open->is_direct();
  // It was published meanwhile, and somebody else has opened what it is now.
  if (opened->open->backing() != kNoBacking) return Status(Code::Stale, "it is published");
  const Handle number = handles.keep(std::move(opened));
  client_writes.uploads.opened(ino);
  return Opened{.handle = number, .direct = is_direct, .flushes = writes};
}

Result<std::shared_ptr<const ContentReader>> FileSystem::State::content_of(const Node& place) {
  if (place.kind == Kind::Archive) return registry.archives().open(face_of(place));
  const auto container = cache.find(place.container);
  if (!container.ok()) return container.status();
  return registry.content().open((*container)->manifest, place.index);
}

Result<Opened> FileSystem::State::open_content(const Node& place) {
  auto descriptor = descriptors.take();
  if (!descriptor.ok()) return descriptor.status();
  auto content = content_of(place);
  if (!content.ok()) return content.status();
  auto opened = std::make_shared<OpenHandle>();
  opened->ino = place.ino;
  opened->content = std::move(*content);
  if (opened->content->descriptor() || place.kind == Kind::Archive) opened->descriptor = std::move(*descriptor);
  opened->open = open_nodes.open(place.ino, opened->content->descriptor());
  const Backing backing = opened->open->backing();
  const bool is_direct = opened->open->is_direct();  // since it was a draft that somebody wrote
  const auto file = opened->content->descriptor();
  const Handle number = handles.keep(std::move(opened));
  // These bytes never change: those of a file were published, an archive is a function of what was. Only the file of a
  // blob that was damaged is replaced.
  const bool by_daemon = backing == kNoBacking && !is_direct;
  const bool keeps_cache = by_daemon && (!file || page_sources.stay(place.ino, *file));
  return Opened{.handle = number, .keeps_cache = keeps_cache, .direct = is_direct, .backing = backing};
}

Result<Opened> FileSystem::State::open_document(const Node& place) {
  auto opened = std::make_shared<OpenHandle>();
  opened->ino = place.ino;
  Opened reply;
  if (place.kind == Kind::Text || Documents::is_status(place)) {
    auto text = documents.text(place);
    if (!text.ok()) return text.status();
    opened->text = std::make_shared<const std::string>(std::move(*text));
    opened->open = open_nodes.open_document(place.ino);
    reply.direct = Documents::is_status(place);
  } else if (place.kind == Kind::MountFile) {
    auto descriptor = descriptors.take();
    if (!descriptor.ok()) return descriptor.status();
    opened->descriptor = std::move(*descriptor);
    auto host = documents.open_events(place);
    if (!host.ok()) return host.status();
    opened->host = std::move(*host);
    reply.direct = true;
  } else {
    return Status(Code::InvalidArgument, "not a file");
  }
  reply.handle = handles.keep(std::move(opened));
  return reply;
}

Result<std::string> FileSystem::State::read_mode_of(const Node& place) {
  const bool is_file = place.type == FileType::Regular && (place.kind == Kind::Entry || place.kind == Kind::Archive);
  bool by_kernel = false;
  if (const auto backing = open_nodes.find(place.ino); is_file && backing) {
    by_kernel = *backing != kNoBacking;
  } else if (is_file && place.kind == Kind::Entry) {
    const auto content = content_of(place);
    if (!content.ok()) return content.status();
    by_kernel = open_nodes.mode().by_kernel && (*content)->descriptor().has_value();
  } else {
    // Why not an archive that nobody has opened: it may have to be rebuilt first.
    return Status(Code::NoAttribute, "not a published file");
  }
  return std::string(by_kernel ? "passthrough" : "daemon");
}

// An archive of which only a recipe is left may have to be rebuilt.
bool FileSystem::may_block_open(Ino ino) const {
  const auto node = state_->node(ino);
  return node.ok() && node->place.kind == Kind::Archive && node->place.given;
}

Result<Opened> FileSystem::open(const Credentials& who, Ino ino, int flags) {
  State& state = *state_;
  const auto node = state.node(ino);
  if (!node.ok()) return node.status();
  const Node& place = node->place;
  if (wants_to_write(flags)) {
    if (const auto rewritten = state.client_writes.uploads.begin_rewrite(who, place, (flags & O_TRUNC) != 0)) {
      if (!rewritten->ok()) return rewritten->status();
      auto opened = state.open_draft(who, **rewritten, O_WRONLY);
      if (opened.ok()) opened->direct = true;  // these bytes are not those of the node that the kernel has
      return opened;
    }
  }
  if (place.kind == Kind::Draft) {
    auto opened = state.open_draft(who, ino, flags);
    if (opened.ok() && place.container != kNoIno) opened->direct = true;  // may be written anew
    if (opened.ok()) return opened;
    // Published since: go on with what it is now.
    const auto again = state.node(ino);
    if (!again.ok() || again->place.kind == Kind::Draft) return opened;
    return open(who, ino, flags);
  }
  if (place.type == FileType::Directory) return Status(Code::IsADirectory, "a directory");
  if (Status status = state.check_face(place); !status.ok()) return status;
  // An archive is written to publish it, and so is a tag: that was done.
  if (wants_to_write(flags) &&
      (place.kind == Kind::Archive || place.rewrite == Node::Rewrite::Taken || state.is_marker(place)))
    return Status(Code::AlreadyExists, "it is published already");
  if (wants_to_write(flags)) return Status(Code::Immutable, "what is published never changes");
  if (place.kind == Kind::Entry || place.kind == Kind::Archive) return state.open_content(place);
  return state.open_document(place);
}

bool FileSystem::State::is_marker(const Node& place) {
  if (place.kind != Kind::Entry) return false;
  const auto container = cache.find(place.container);
  return container.ok() && layouts.of(place).is_marker(*(*container)->manifest, place);
}

Status FileSystem::State::refusal_now(Ino parent, std::string_view name) const {
  const auto known = node(parent);
  const auto stored = registry.snapshot();
  if (!known.ok() || !stored.ok()) return {};
  return create_rule_of(*stored, known->place, name, FileType::Regular).refusal;
}

Result<FileSystem::Created> FileSystem::create(const Credentials& who, Ino parent, std::string_view name,
                                               std::uint32_t mode, int flags) {
  if (Status status = state_->descriptors.check(); !status.ok()) return status;
  auto entry = make_file(who, parent, name, mode);
  if (entry.code() == Code::Immutable) {
    // It may have been published since the name was judged, and its layout says more of that.
    if (Status taken = state_->refusal_now(parent, name); taken.code() == Code::AlreadyExists) return taken;
  }
  if (entry.code() == Code::AlreadyExists && (flags & O_EXCL) == 0) {
    // The kernel has found no such name, and a commit has made it since.
    const auto there = lookup(who, parent, name);
    if (!there.ok()) return entry.status();
    auto opened = open(who, there->key(), flags);
    if (opened.ok()) return Created{*there, *opened};
    forget(there->key(), 1);
    return opened.status();
  }
  if (!entry.ok()) return entry.status();
  auto opened = state_->open_draft(who, entry->attributes.ino, flags & ~O_TRUNC);  // it is empty
  if (!opened.ok()) {
    forget(entry->attributes.ino, 1);
    return opened.status();
  }
  // Its first write need not look.
  const auto handle = state_->handles.find(opened->handle);
  if (handle.ok() && (entry->attributes.mode & (S_ISUID | S_ISGID)) == 0) {
    (*handle)->set_ids_seen = state_->set_ids_given.load();
  }
  state_->client_writes.uploads.follow(entry->attributes.ino, who);
  return Created{*entry, *opened};
}

Result<std::size_t> FileSystem::read(Handle handle, std::uint64_t offset_bytes, ByteSpan into) {
  return state_->read(handle, offset_bytes, into, nullptr);
}

Result<std::size_t> FileSystem::read(Handle handle, std::uint64_t offset_bytes, ByteSpan into, MappedSpans& lent) {
  return state_->read(handle, offset_bytes, into, &lent);
}

bool FileSystem::may_block_read(Handle handle, std::uint64_t offset_bytes, std::size_t count_bytes) const {
  if (!state_->registry.content().has_distant()) return false;
  const auto opened = state_->handles.find(handle);
  return opened.ok() && (*opened)->content && (*opened)->content->may_block(offset_bytes, count_bytes);
}

Result<std::size_t> FileSystem::State::read(Handle number, std::uint64_t offset_bytes, ByteSpan into,
                                            MappedSpans* lent) {
  const auto opened = handles.find(number);
  if (!opened.ok()) return opened.status();
  const auto counted = [](Result<std::size_t> got, std::atomic<std::uint64_t>& bytes) {
    if (got.ok()) bytes.fetch_add(*got, std::memory_order_relaxed);
    return got;
  };
  if (const auto& content = (*opened)->content) {
    return counted(lent != nullptr ? content->lend_at(offset_bytes, into, *lent) : content->read_at(offset_bytes, into),
                   traffic.published_read_bytes);
  }
  if ((*opened)->draft) return counted((*opened)->draft->file().read(offset_bytes, into), traffic.draft_read_bytes);
  if ((*opened)->text) return copy_part(*(*opened)->text, offset_bytes, into);
  if ((*opened)->host.valid()) return read_at((*opened)->host.fd(), offset_bytes, into);
  return Status(Code::IsADirectory, "a directory");
}

// Why here and not in the kernel: of writes that are not cached it leaves that to the daemon (FUSE_WRITE_KILL_SUIDGID).
// Why by a count of all that were given: the file's record need not be read for each write.
Status FileSystem::State::drop_set_ids(const Credentials& who, OpenHandle& opened) {
  const std::uint64_t given = set_ids_given.load();
  if (who.uid == 0 || opened.set_ids_seen.load(std::memory_order_relaxed) == given) return {};
  const auto inode = registry.drafts().tree().stat(opened.ino);
  if (!inode.ok()) return {};  // it has no name any more
  const std::uint32_t mode = inode->record.owner.mode;
  const std::uint32_t taken = S_ISUID | ((mode & S_IXGRP) != 0 ? S_ISGID : 0u);
  if ((mode & taken) != 0) {
    DraftChange change;
    change.mode = mode & ~taken;
    if (const auto changed = registry.drafts().attributes().setattr(opened.ino, change); !changed.ok())
      return changed.status();
    kernel.invalidate_attributes(opened.ino);
  }
  opened.set_ids_seen = given;
  return {};
}

Result<std::size_t> FileSystem::write(const Credentials& who, Handle handle, std::uint64_t offset_bytes,
                                      ByteView bytes) {
  const auto opened = state_->handles.find(handle);
  if (!opened.ok()) return opened.status();
  if (!(*opened)->draft) return Status(Code::Immutable, "what is published never changes");
  if (Status status = state_->drop_set_ids(who, **opened); !status.ok()) return status;
  if (Status status = (*opened)->draft->write(offset_bytes, bytes); !status.ok()) return status;
  state_->traffic.draft_written_bytes.fetch_add(bytes.size(), std::memory_order_relaxed);
  return bytes.size();
}

Status FileSystem::flush(const Credentials& who, Handle handle) {
  const auto opened = state_->handles.find(handle);
  if (!opened.ok()) return opened.status();
  if (!(*opened)->draft) return {};
  const auto is_gone = [this, &who] { return state_->options.is_killed(who.pid); };
  if (Status status = (*opened)->draft->flush(is_gone); !status.ok()) return status;
  return state_->client_writes.uploads.close(who, *(*opened)->draft);
}

void FileSystem::release(Handle handle) {
  const auto dropped = state_->handles.drop(handle);
  if (dropped && dropped->draft) state_->client_writes.uploads.end(std::move(dropped->draft));
}

Status FileSystem::sync(Handle handle) {
  const auto opened = state_->handles.find(handle);
  if (!opened.ok()) return opened.status();
  if (!(*opened)->draft) return {};
  if (Status status = (*opened)->draft->file().sync(); !status.ok()) return status;
  return state_->registry.drafts().tree().sync_names();
}

Status FileSystem::sync_directory(Handle) { return state_->registry.drafts().tree().sync_names(); }

Status FileSystem::allocate(Handle handle, int mode, std::uint64_t offset_bytes, std::uint64_t length_bytes) {
  const auto opened = state_->handles.find(handle);
  if (!opened.ok()) return opened.status();
  if (!(*opened)->draft) return {Code::Immutable, "what is published never changes"};
  return (*opened)->draft->allocate(mode, offset_bytes, length_bytes);
}

Result<std::uint64_t> FileSystem::seek(Handle handle, std::uint64_t offset_bytes, int whence) {
  const auto opened = state_->handles.find(handle);
  if (!opened.ok()) return opened.status();
  if ((*opened)->draft) return (*opened)->draft->file().seek(offset_bytes, whence);
  int fd = -1;
  std::uint64_t size_bytes = 0;
  if ((*opened)->content) {
    fd = (*opened)->content->descriptor().value_or(-1);
    size_bytes = (*opened)->content->size_bytes();
  }
  if (fd >= 0) {
    // Why the shared file position does no harm: everything else reads and writes by offset.
    const off_t found = ::lseek(fd, static_cast<off_t>(offset_bytes), whence);
    if (found < 0) return Status::from_errno(errno, "lseek");
    return static_cast<std::uint64_t>(found);
  }
  if ((*opened)->text) size_bytes = (*opened)->text->size();
  if (offset_bytes >= size_bytes) return Status::from_errno(ENXIO, "lseek");
  return whence == SEEK_DATA ? offset_bytes : size_bytes;
}

}  // namespace modelfs
