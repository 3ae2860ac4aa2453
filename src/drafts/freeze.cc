// Freezing a draft for its commit, and taking it out of the drafts.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "archive/read/read_archive.h"
#include "base/log.h"
#include "base/tree_bounds.h"
#include "catalog/keys.h"
#include "catalog/records.h"
#include "drafts/draft_store.h"
#include "drafts/holes.h"

namespace modelfs {
namespace {

static_assert(ArchiveLimits().depth == kTreeDepthMax && ArchiveLimits().path_bytes == kTreePathBytesMax);

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

FrozenDraft::~FrozenDraft() { store_.unfreeze(*this); }

std::string FrozenDraft::path_of(std::uint32_t index) const {
  std::string path;
  for (; index != 0; index = entries_[index].parent) {
    path = path.empty() ? printable(entries_[index].name) : printable(entries_[index].name) + "/" + path;
  }
  return path;
}

void FrozenDraft::mark_published() {
  const MutexLock lock(store_.names_mutex_);
  for (const FrozenEntry& entry : entries_) {
    if (!entry.named_outside && !entry.grafted) store_.dead_.insert(raw(entry.ino));
  }
  store_.to_sweep_.push_back(entries_[0].ino);
  if (beneath_ == kNoIno) return;
  store_.dead_.insert(raw(beneath_));
  store_.to_sweep_.push_back(beneath_);
}

bool DraftStore::is_dead(Ino ino) const {
  const MutexLock lock(names_mutex_);
  return dead_.contains(raw(ino));
}

void DraftStore::unfreeze(const FrozenDraft& draft) {
  const MutexLock lock(names_mutex_);
  for (const FrozenEntry& entry : draft.entries_) frozen_.erase(raw(entry.ino));
  for (const Ino ino : draft.companions_) frozen_.erase(raw(ino));
}

Status DraftStore::collect(FrozenDraft& draft) {
  std::unordered_map<std::uint64_t, std::uint32_t> names;  // of regular files, inside
  struct Node {
    std::size_t depth = 0;
    std::size_t path_bytes = 0;
  };
  std::vector<Node> places{{}};  // of the entries
  const auto snapshot = keys_.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  for (std::uint32_t at = 0; at < draft.entries_.size(); ++at) {
    if (draft.entries_[at].record.type != FileType::Directory) continue;
    const std::string prefix = keys::draft_entries(draft.entries_[at].ino);
    Status bad;
    const Status scanned = (*snapshot)->scan(prefix, "", [&](std::string_view key, std::string_view value) {
      const auto child = DraftEntry::decode(value);
      auto found = child.ok() ? record(child->ino) : child.status();
      if (!found.ok()) {
        bad = found.status();
        return false;
      }
      const std::string_view name = key.substr(prefix.size());
      const Node& above = places[at];
      places.push_back({above.depth + 1, above.path_bytes + (above.depth > 0 ? 1 : 0) + name.size()});
      bad = check_tree_place(name, places.back().depth, places.back().path_bytes);
      if (!bad.ok()) return false;
      draft.entries_.push_back({at, std::string(name), child->ino, std::move(*found), 0, 0, {}, false});
      ++names[raw(child->ino)];
      return true;
    });
    if (!scanned.ok()) return scanned;
    if (!bad.ok()) return bad;
  }
  for (FrozenEntry& entry : draft.entries_) {
    if (entry.record.type != FileType::Directory) entry.named_outside = entry.record.link_count > names[raw(entry.ino)];
  }
  return {};
}

Status DraftStore::wait_for_release(Ino ino, const std::string& name, std::chrono::steady_clock::time_point deadline) {
  const MutexLock lock(opens_mutex_);
  for (;;) {
    const auto found = opens_.find(raw(ino));
    if (found == opens_.end()) return {};
    const auto& handles = found->second.handles;
    const auto writer = std::find_if(handles.begin(), handles.end(), [](const DraftHandle* h) { return h->writes_; });
    if (writer == handles.end()) return {};
    const bool late = std::chrono::steady_clock::now() >= deadline;
    if (!(*writer)->closing_ || late)
      return {Code::Busy, name + " is open for writing by " + program_of((*writer)->pid_)};
    released_.wait_for(opens_mutex_, std::chrono::milliseconds(10));
  }
}

Status DraftStore::measure(FrozenDraft& draft) {
  for (FrozenEntry& entry : draft.entries_) {
    auto inode = present(entry.ino, entry.record);
    if (!inode.ok()) return inode.status();
    entry.size_bytes = inode->size_bytes;
    entry.allocated_bytes = inode->blocks * 512;
    entry.mtime = inode->mtime;
  }
  return {};
}

Status DraftStore::graft(FrozenDraft& draft, const SealedFile& file, std::string_view name) const {
  auto found = record(file.ino());
  if (!found.ok()) return found.status();
  const auto inode = present(file.ino(), *found);
  if (!inode.ok()) return inode.status();
  FrozenEntry entry{
      0, std::string(name), file.ino(), std::move(*found), inode->size_bytes, inode->blocks * 512, inode->mtime};
  entry.grafted = true;
  draft.entries_.push_back(std::move(entry));
  return {};
}

Status DraftStore::freeze_replaced_dir(FrozenDraft& draft, Ino beneath) {
  const MutexLock lock(names_mutex_);
  const auto names = list(beneath);
  if (!names.ok()) return names.status();
  std::vector<Ino> found{beneath};
  for (const DraftName& each : *names) {
    if (each.ino == draft.entries_[0].ino) continue;
    const bool is_stage = each.name == kStageName && each.type == FileType::Directory;
    if (!is_stage || !is_empty(each.ino)) {
      return {Code::NotEmpty, "the draft under that name holds '" + printable(each.name) + "', too; move that away"};
    }
    found.push_back(each.ino);
  }
  for (const Ino ino : found) {
    if (Status status = check_unfrozen({ino}); !status.ok()) return status;
  }
  for (const Ino ino : found) frozen_.insert(raw(ino));
  draft.companions_.insert(draft.companions_.end(), found.begin(), found.end());
  draft.beneath_ = beneath;
  return {};
}

void DraftStore::retire_replaced_dir(const FrozenDraft& draft, const NamedAt& place, Batch& batch) const {
  batch.erase(keys::draft_entry(place.directory, place.name));
  batch.put(keys::sweep(draft.beneath_), "1");
  touch_directory(place.directory, -1, batch);
}

Result<std::unique_ptr<FrozenDraft>> DraftStore::freeze(Ino root) {
  std::unique_ptr<FrozenDraft> draft(new FrozenDraft(*this));
  {
    const MutexLock lock(names_mutex_);
    if (Status status = check_unfrozen({root}); !status.ok()) return status;
    auto found = record(root);
    if (!found.ok()) return found.status();
    if (found->type != FileType::Directory) return Status(Code::NotADirectory, "a release is a directory");
    draft->entries_.push_back({0, "", root, std::move(*found), 0, 0, {}, false});
    Status status = collect(*draft);
    for (const FrozenEntry& entry : draft->entries_) {
      if (status.ok()) status = check_unfrozen({entry.ino});
    }
    if (!status.ok()) {
      draft->entries_.clear();  // nothing of it was frozen by us
      return status;
    }
    for (const FrozenEntry& entry : draft->entries_) frozen_.insert(raw(entry.ino));
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kReleaseWaitMs);
  for (std::uint32_t index = 0; index < draft->entries_.size(); ++index) {
    if (draft->entries_[index].record.type != FileType::Regular) continue;
    if (Status status = wait_for_release(draft->entries_[index].ino, draft->path_of(index), deadline); !status.ok()) {
      return status;
    }
  }
  if (Status status = measure(*draft); !status.ok()) return status;
  return draft;
}

Result<DraftHash> FrozenDraft::hash(std::uint32_t index, bool may_hash) const {
  const FrozenEntry& entry = entries_[index];
  const auto stored = [&]() -> std::optional<DraftHash> {
    const auto value = store_.stored_sum(entry.ino);
    if (!value.ok()) return std::nullopt;
    const auto hash = DraftHash::decode(*value);
    if (!hash.ok() || (!hash->damaged && hash->size_bytes != entry.size_bytes)) return std::nullopt;
    return *hash;
  };
  if (entry.record.borrows_whole()) {
    return DraftHash{entry.size_bytes, entry.record.blob->hash, false};  // the commit looks whether it is damaged
  }
  auto hash = stored();
  if (!hash && !may_hash) return Status(Code::Busy, path_of(index) + " is still being summed; try again in a moment");
  if (!hash) {
    std::shared_ptr<DraftFile> file;
    {
      const MutexLock lock(store_.names_mutex_);
      auto opened = store_.file_of(entry.ino, false);
      if (!opened.ok()) return opened.status();
      file = std::move(*opened);
    }
    // A close that settles right now may have answered Conflict to itself; once is enough, for nobody writes any more.
    if (Status status = file->finalize(DraftFile::SettleFor::Commit); !status.ok()) {
      const Code code = status.code() == Code::Conflict ? Code::Busy : status.code();
      return Status(code, path_of(index) + ": " + status.message());
    }
    hash = stored();
  }
  if (!hash) return Status(Code::Internal, path_of(index) + " has no sum");
  if (hash->damaged) {
    return Status(Code::IoError, path_of(index) + " may have lost bytes: its sync failed once. Write that file anew");
  }
  return *hash;
}

std::uint64_t FrozenDraft::unhashed_bytes() const {
  std::uint64_t bytes = 0;
  for (const FrozenEntry& entry : entries_) {
    if (entry.record.type != FileType::Regular || entry.record.borrows_whole()) continue;
    if (store_.stored_sum(entry.ino).code() == Code::NotFound) bytes += entry.size_bytes;
  }
  return bytes;
}

Result<std::string> FrozenDraft::read(std::uint32_t index, std::size_t max_bytes) const {
  return store_.read_bytes(entries_[index].ino, max_bytes);
}

Result<std::string> DraftStore::read_bytes(Ino ino, std::size_t max_bytes) {
  std::shared_ptr<DraftFile> file;
  {
    const MutexLock lock(names_mutex_);
    auto opened = file_of(ino, false);
    if (!opened.ok()) return opened.status();
    file = std::move(*opened);
  }
  const auto inode = stat(ino);
  if (!inode.ok()) return inode.status();
  if (inode->size_bytes > max_bytes) {
    return Status(Code::TooLarge, "larger than " + std::to_string(max_bytes) + " bytes");
  }
  std::string text(inode->size_bytes, '\0');
  const auto got = file->read(0, std::as_writable_bytes(std::span(text)));
  if (!got.ok()) return got.status();
  text.resize(*got);
  return text;
}

Status DraftStore::retire(const FrozenDraft& draft, Ino directory, std::string_view name, Batch& batch,
                          const std::function<ContentHash(std::uint32_t index)>& hash_of) {
  const MutexLock lock(names_mutex_);
  batch.erase(keys::draft_entry(directory, name));
  batch.put(keys::sweep(draft.entries_[0].ino), "1");
  touch_directory(directory, -1, batch);
  for (std::uint32_t index = 0; index < draft.entries_.size(); ++index) {
    const FrozenEntry& entry = draft.entries_[index];
    if (entry.record.type != FileType::Regular || !entry.named_outside) continue;
    DraftRecord kept = entry.record;
    kept.blob = DraftRecord::BlobBytes{hash_of(index), entry.size_bytes, entry.allocated_bytes, true};
    kept.mtime = entry.mtime;
    kept.atime = entry.mtime;
    batch.put(keys::draft_inode(entry.ino), kept.encode());
    batch.erase(keys::draft_hash(entry.ino));
    // Whoever opens it next must not meet the descriptor of what is a blob now.
    const MutexLock opens(opens_mutex_);
    borrowers_.erase(raw(entry.ino));
    if (const auto found = opens_.find(raw(entry.ino)); found != opens_.end()) found->second.file.reset();
  }
  return {};
}

void DraftStore::hash_in_background(const FrozenDraft& draft) {
  for (const FrozenEntry& entry : draft.entries_) {
    if (entry.record.type != FileType::Regular || entry.record.borrows_whole()) continue;
    if (stored_sum(entry.ino).code() != Code::NotFound) continue;
    const MutexLock lock(names_mutex_);
    auto file = file_of(entry.ino, false);
    if (file.ok()) finalize_behind(*file);
  }
}

Result<std::string> DraftStore::read_finished(FrozenDraft& draft, Ino ino, std::size_t max_bytes) {
  {
    const MutexLock lock(names_mutex_);
    if (Status status = check_unfrozen({ino}); !status.ok()) return status;
    frozen_.insert(raw(ino));
    draft.companions_.push_back(ino);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kReleaseWaitMs);
  if (Status status = wait_for_release(ino, "it", deadline); !status.ok()) return status;
  return read_bytes(ino, max_bytes);
}

SealedFile::~SealedFile() {
  if (!file_) return;
  struct stat info {};
  // Why not unsealed while it has two links: a commit that failed has left it as a blob, too. Whoever opens it anew
  // gets a copy of its own.
  if (!is_kept_ && ::fstat(file_->host(), &info) == 0 && info.st_nlink == 1) file_->unseal();
  const MutexLock lock(store_.names_mutex_);
  store_.frozen_.erase(raw(file_->ino()));
}

Result<std::unique_ptr<SealedFile>> DraftStore::seal(Ino ino) {
  std::unique_ptr<SealedFile> sealed(new SealedFile(*this));
  {
    const MutexLock lock(names_mutex_);
    if (Status status = check_unfrozen({ino}); !status.ok()) return status;
    const auto found = record(ino);
    if (!found.ok()) return found.status();
    if (found->type != FileType::Regular) return Status(Code::InvalidArgument, "not a regular file");
    auto file = file_of(ino, false);
    if (!file.ok()) return file.status();
    {
      const MutexLock opens(opens_mutex_);
      const auto opened = opens_.find(raw(ino));
      for (const DraftHandle* handle : opened == opens_.end() ? std::vector<DraftHandle*>() : opened->second.handles) {
        if (handle->writes_ && !handle->closing_) {
          return Status(Code::Conflict, "it is open for writing by " + program_of(handle->pid_));
        }
      }
    }
    frozen_.insert(raw(ino));
    sealed->file_ = std::move(*file);
  }
  // What publishes a single file looks at its host file.
  if (Status status = sealed->file_->own(); !status.ok()) return status;
  sealed->file_->seal();
  if (hole_bytes(sealed->host(), kCloseHoleBytesMax) > kCloseHoleBytesMax) {
    return Status(Code::TooLarge, "it has more than " + std::to_string(kCloseHoleBytesMax >> 20) +
                                      " MiB of holes, so its close does not publish it; write it without holes");
  }
  if (Status status = sealed->file_->finalize(DraftFile::SettleFor::Commit); !status.ok()) return status;
  const auto value = stored_sum(ino);
  if (!value.ok()) return value.status();
  auto hash = DraftHash::decode(*value);
  if (!hash.ok()) return hash.status();
  if (hash->damaged) return Status(Code::IoError, "it may have lost bytes: its sync failed once. Write it anew");
  sealed->hash_ = *hash;
  struct stat info {};
  if (::fstat(sealed->host(), &info) != 0) return Status::from_errno(errno, "stat a draft file");
  sealed->allocated_bytes_ = static_cast<std::uint64_t>(info.st_blocks) * 512;
  return sealed;
}

Status DraftStore::discard(Ino directory, std::string_view name) {
  const MutexLock lock(names_mutex_);
  const auto found = entry(directory, name);
  if (!found.ok()) return found.status();
  Batch batch;
  batch.erase(keys::draft_entry(directory, name));
  batch.put(keys::sweep(found->ino), "1");
  touch_directory(directory, -1, batch);
  const Status status = commit(batch, SpaceNeed::Reclaims);
  if (status.ok()) to_sweep_.push_back(found->ino);
  return status;
}

Status DraftStore::retire_file(Ino directory, std::string_view name, Ino ino, Batch& batch) {
  const MutexLock lock(names_mutex_);
  auto found = record(ino);
  if (!found.ok()) return found.status();
  found->link_count -= 1;
  batch.erase(keys::draft_entry(directory, name));
  batch.put(keys::draft_inode(ino), found->encode());
  if (found->link_count == 0) batch.put(keys::nameless(ino), "1");
  return {};
}

void DraftStore::file_retired(Ino ino) {
  const MutexLock lock(names_mutex_);
  {
    const MutexLock opens(opens_mutex_);
    if (opens_.contains(raw(ino))) return;  // the last release does it
  }
  const auto found = record(ino);
  if (!found.ok() || found->link_count > 0) return;
  Batch batch;
  batch.erase(keys::draft_inode(ino));
  batch.erase(keys::draft_hash(ino));
  batch.erase(keys::nameless(ino));
  batch.erase_prefix(keys::attributes(ino));
  if (commit(batch, SpaceNeed::Reclaims).ok()) remove_host_files({ino});
}

}  // namespace modelfs
