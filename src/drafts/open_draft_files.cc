#include "drafts/open_draft_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/names.h"
#include "base/time.h"
#include "catalog/keys.h"
#include "drafts/holes.h"

namespace modelfs {
namespace {

std::string program_of(pid_t pid) {
  if (pid == 0) return "another process";
  auto file = open_at(AT_FDCWD, "/proc/" + std::to_string(pid) + "/comm", O_RDONLY);
  std::string name = "process";
  if (file.ok()) {
    if (auto text = read_all(file->fd(), 64); text.ok()) name = text->substr(0, text->find('\n'));
  }
  return printable(name) + " (pid " + std::to_string(pid) + ")";
}

}  // namespace

const DraftHandleState* OpenDraftFiles::writer_of(Ino ino) const {
  const auto found = opens_.find(raw(ino));
  if (found == opens_.end()) return nullptr;
  const auto& users = found->second.users;
  const auto writer = std::find_if(
      users.begin(), users.end(), [](const User& user) { return user.handle->writes() && !user.handle->is_closing(); });
  return writer == users.end() ? nullptr : writer->handle;
}

bool OpenDraftFiles::has_writer(Ino ino) const {
  const MutexLock lock(mutex_);
  return writer_of(ino) != nullptr;
}

Status OpenDraftFiles::check_no_writer(Ino ino) const {
  const MutexLock lock(mutex_);
  const DraftHandleState* writer = writer_of(ino);
  if (writer == nullptr) return {};
  return {Code::Conflict, "it is open for writing by " + program_of(writer->pid())};
}

Status OpenDraftFiles::wait_for_release(Ino ino, const std::string& name,
                                        std::chrono::steady_clock::time_point deadline) {
  const MutexLock lock(mutex_);
  for (;;) {
    const auto found = opens_.find(raw(ino));
    if (found == opens_.end()) return {};
    const auto& users = found->second.users;
    const auto writer =
        std::find_if(users.begin(), users.end(), [](const User& user) { return user.handle->writes(); });
    if (writer == users.end()) return {};
    const bool late = std::chrono::steady_clock::now() >= deadline;
    if (!writer->handle->is_closing() || late)
      return {Code::Busy, name + " is open for writing by " + program_of(writer->handle->pid())};
    released_.wait_for(mutex_, std::chrono::milliseconds(10));
  }
}

bool OpenDraftFiles::follow(Ino ino, const std::shared_ptr<WriteListener>& follower) {
  std::shared_ptr<DraftFile> file;
  {
    const MutexLock lock(mutex_);
    if (writer_of(ino) == nullptr) return false;
    file = opens_.find(raw(ino))->second.file.lock();
  }
  return file && file->follow(follower);
}

// The shared file.

std::shared_ptr<DraftFile> OpenDraftFiles::current(Ino ino) const {
  const auto opened = opens_.find(raw(ino));
  if (opened != opens_.end()) {
    if (auto file = opened->second.file.lock()) return file;
  }
  const auto kept = shared_.find(raw(ino));
  return kept == shared_.end() ? nullptr : kept->second.lock();
}

std::shared_ptr<DraftFile> OpenDraftFiles::find(Ino ino) const {
  const MutexLock lock(mutex_);
  return current(ino);
}

Result<std::shared_ptr<DraftFile>> OpenDraftFiles::file_of(const NamesLock::Held&, Ino ino, bool writes,
                                                           const LookedUp* looked_up) {
  {
    const MutexLock lock(mutex_);
    auto file = current(ino);
    struct stat info {};
    // Why the link count: a commit may have made a blob of the very file since it was opened.
    const bool fits = file && (!writes || file->is_borrowed() ||
                               (file->writable() && ::fstat(file->host(), &info) == 0 && info.st_nlink == 1));
    if (fits) return file;
    if (file) file->supersede();
  }
  auto file = make(ino, writes, looked_up);
  if (!file.ok()) return file;
  const MutexLock lock(mutex_);
  if ((*file)->is_borrowed()) keep_shared(*file);
  // Why even without a handle: two users of one file must share its hash.
  if (const auto found = opens_.find(raw(ino)); found != opens_.end()) found->second.file = *file;
  return file;
}

Result<std::shared_ptr<DraftFile>> OpenDraftFiles::make(Ino ino, bool writes, const LookedUp* looked_up) const {
  const auto stored = context_.records.inode(ino);
  if (!stored.ok()) return stored.status();
  std::optional<DraftFile::Borrowed> borrowed;
  File host;
  if (stored->blob) {
    auto from = context_.references.open(*stored->blob);
    if (!from.ok()) return from.status();
    const std::uint64_t size_bytes = std::min(stored->blob->size_bytes, (*from)->size_bytes());
    borrowed = DraftFile::Borrowed{std::move(*from), size_bytes};
  } else {
    if (Status status = writes ? context_.hosts.unshare(ino) : Status(); !status.ok()) return status;
    auto opened = context_.hosts.open(ino, writes);
    if (!opened.ok()) return opened.status();
    host = std::move(*opened);
  }
  const std::optional<DraftHash> hash = looked_up != nullptr ? looked_up->hash : context_.hashes.stored(ino);
  // Why writable: what is borrowed must be one file for all who have it open, also for those who write later.
  const bool is_writable = writes || borrowed;
  return std::make_shared<DraftFile>(ino, std::move(host), is_writable, hash, std::move(borrowed), context_,
                                     stored->owner.uid);
}

void OpenDraftFiles::keep_shared(const std::shared_ptr<DraftFile>& file) {
  shared_[raw(file->ino())] = file;
  if (shared_.size() < shared_cleaned_at_) return;
  std::erase_if(shared_, [](const auto& kept) { return kept.second.expired(); });
  shared_cleaned_at_ = std::max<std::size_t>(64, 2 * shared_.size());
}

Status OpenDraftFiles::share(const std::shared_ptr<DraftFile>& file) {
  const MutexLock lock(mutex_);
  if (const auto found = opens_.find(raw(file->ino())); found != opens_.end()) {
    for (const User& user : found->second.users) {
      if (user.file != file.get()) return {Code::Conflict, "it is open elsewhere"};
    }
  }
  keep_shared(file);
  return {};
}

void OpenDraftFiles::detach(Ino ino) {
  const MutexLock lock(mutex_);
  shared_.erase(raw(ino));
  if (const auto found = opens_.find(raw(ino)); found != opens_.end()) found->second.file.reset();
}

void OpenDraftFiles::finalize_behind(const std::shared_ptr<DraftFile>& file) {
  {
    // Whoever asks again, or opens it, must find this one: it would be hashed twice, or as it was before a change.
    const MutexLock lock(mutex_);
    keep_shared(file);
  }
  file->finalize_behind();
}

// Handles.

void OpenDraftFiles::add(const DraftHandleState& handle, const std::shared_ptr<DraftFile>& file) {
  const MutexLock lock(mutex_);
  Opened& opened = opens_[raw(file->ino())];
  opened.users.push_back({&handle, file.get()});
  opened.file = file;
}

void OpenDraftFiles::release(const DraftHandleState& handle, const std::shared_ptr<DraftFile>& file) {
  const Ino ino = file->ino();
  bool last = false;
  bool last_writer = false;
  {
    const MutexLock lock(mutex_);
    const auto found = opens_.find(raw(ino));
    if (found != opens_.end()) {
      std::erase_if(found->second.users, [&](const User& user) { return user.handle == &handle; });
      last = found->second.users.empty();
      last_writer = handle.writes() && writer_of(ino) == nullptr;
      if (last) opens_.erase(found);
    }
  }
  released_.notify_all();
  if (last) {
    const auto found = context_.records.inode(ino);
    if (found.ok() && found->link_count == 0) return remove_nameless(ino);
  }
  if (last_writer && file->unhashed_bytes() > 0 && hole_bytes(file->host(), kCloseHoleBytesMax) <= kCloseHoleBytesMax) {
    // Written after its last close, or never closed properly: hash it now, so that a commit need not.
    finalize_behind(file);
  }
}

// Names that go.

void OpenDraftFiles::drop_name(const NamesLock::Held&, Ino ino, DraftRecord dropped, Batch& batch,
                               std::vector<Ino>& gone) {
  dropped.link_count -= dropped.type == FileType::Directory ? dropped.link_count : 1;
  dropped.ctime = now();
  bool is_open = false;
  {
    const MutexLock lock(mutex_);
    is_open = opens_.contains(raw(ino));
  }
  if (dropped.link_count > 0 || (is_open && dropped.type == FileType::Regular)) {
    batch.put(keys::draft_inode(ino), dropped.encode());
    if (dropped.link_count == 0) batch.put(keys::nameless(ino), "1");
    return;
  }
  DraftRecords::erase_inode(ino, batch);
  if (dropped.type == FileType::Regular) gone.push_back(ino);
}

void OpenDraftFiles::remove_nameless(Ino ino) {
  const NamesLock::Held held(names_);
  {
    const MutexLock lock(mutex_);
    if (opens_.contains(raw(ino))) return;  // the last release does it
  }
  const auto found = context_.records.inode(ino);
  if (!found.ok() || found->link_count > 0) return;
  Batch batch;
  DraftRecords::erase_inode(ino, batch);
  batch.erase(keys::nameless(ino));
  if (context_.records.commit(batch, SpaceNeed::Reclaims).ok()) context_.hosts.remove({ino});
}

}  // namespace modelfs
