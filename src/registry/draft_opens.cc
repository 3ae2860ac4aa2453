// Open draft files, freezing a draft for its commit, and sweeping what a commit left behind.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/log.h"
#include "catalog/keys.h"
#include "catalog/records.h"
#include "registry/draft_store.h"

namespace modelfs {
namespace {

// Names swept in one batch: keeps the names' lock short.
constexpr std::size_t kSweepBatchNames = 512;

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

DraftHandle::DraftHandle(DraftStore& store, std::shared_ptr<DraftFile> file, bool writes, pid_t pid)
    : store_(store), file_(std::move(file)), writes_(writes), pid_(pid) {
  const MutexLock lock(store_.opens_mutex_);
  store_.opens_[raw(file_->ino())].handles.push_back(this);
}

DraftHandle::~DraftHandle() { store_.release(*this); }

Status DraftHandle::write(std::uint64_t offset_bytes, ByteView bytes) {
  if (!writes_) return {Code::BadHandle, "the file is not open for writing"};
  {
    const MutexLock lock(store_.opens_mutex_);
    closing_ = false;
  }
  return file_->write(offset_bytes, bytes);
}

Status DraftHandle::allocate(int mode, std::uint64_t offset_bytes, std::uint64_t length_bytes) {
  if (!writes_) return {Code::BadHandle, "the file is not open for writing"};
  {
    const MutexLock lock(store_.opens_mutex_);
    closing_ = false;
  }
  return file_->allocate(mode, offset_bytes, length_bytes);
}

Status DraftHandle::flush() {
  if (!writes_) return {};
  {
    const MutexLock lock(store_.opens_mutex_);
    closing_ = true;
    if (store_.has_open_writer(file_->ino())) return {};
  }
  const Status status = file_->settle();
  return status.code() == Code::Busy ? Status() : status;
}

bool DraftStore::has_open_writer(Ino ino) const {
  const auto found = opens_.find(raw(ino));
  if (found == opens_.end()) return false;
  const auto& handles = found->second.handles;
  return std::any_of(handles.begin(), handles.end(),
                     [](const DraftHandle* handle) { return handle->writes_ && !handle->closing_; });
}

Status DraftStore::own_bytes(Ino ino, const DraftRecord& shared) {
  if (!shared.blob) return {};
  const auto value = keys_.get(keys::blob(*shared.blob));
  if (!value.ok()) return value.status();
  const auto blob = BlobRecord::decode(*value);
  if (!blob.ok()) return blob.status();
  remove_host_files({ino});  // the old name may be the blob itself: never write there
  auto host = create_host(ino);
  if (!host.ok()) return host.status();
  if (blob->is_inline) {
    if (Status status = write_at(host->fd(), 0, bytes_of(blob->bytes)); !status.ok()) return status;
  } else {
    const auto reader = blobs_.open(*shared.blob);
    if (!reader.ok()) return reader.status();
    std::vector<std::byte> buffer(DraftFile::kSumChunkBytes);
    for (std::uint64_t position = 0; position < blob->size_bytes;) {
      const auto got = (*reader)->read_at(position, buffer);
      if (!got.ok()) return got.status();
      if (*got == 0) return {Code::Corrupt, "blob " + shared.blob->hex() + " is shorter than recorded"};
      if (Status status = write_at(host->fd(), position, ByteView(buffer.data(), *got)); !status.ok()) return status;
      position += *got;
    }
  }
  const timespec times[2] = {{0, UTIME_OMIT}, {raw(shared.mtime) / 1'000'000'000, raw(shared.mtime) % 1'000'000'000}};
  (void)::futimens(host->fd(), times);
  DraftRecord owned = shared;
  owned.blob.reset();
  Batch batch;
  batch.put(keys::draft_inode(ino), owned.encode());
  batch.erase(keys::draft_sum(ino));
  return commit(batch, SpaceNeed::Grows);
}

Result<std::shared_ptr<DraftFile>> DraftStore::file_of(Ino ino, bool writes) {
  {
    const MutexLock lock(opens_mutex_);
    const auto found = opens_.find(raw(ino));
    if (found != opens_.end()) {
      auto file = found->second.file.lock();
      struct stat info {};
      // Why the link count: a commit may have made a blob of the very file since it was opened.
      const bool fits =
          file && (!writes || (file->writable() && ::fstat(file->host(), &info) == 0 && info.st_nlink == 1));
      if (fits) return file;
    }
  }
  if (writes) {
    if (Status status = unshare(ino); !status.ok()) return status;
  }
  auto host = open_host(ino, writes);
  if (!host.ok()) return host.status();
  std::optional<DraftSum> sum;
  if (const auto value = keys_.get(keys::draft_sum(ino)); value.ok()) {
    if (auto decoded = DraftSum::decode(*value); decoded.ok()) sum = *decoded;
  }
  auto file = std::make_shared<DraftFile>(ino, std::move(*host), writes, sum, *this, workers_);
  const MutexLock lock(opens_mutex_);
  // Why even without a handle: two users of one file must share its sum.
  if (const auto found = opens_.find(raw(ino)); found != opens_.end()) found->second.file = file;
  return file;
}

Result<std::unique_ptr<DraftHandle>> DraftStore::open_file(Ino ino, bool writes, pid_t pid) {
  const MutexLock lock(names_mutex_);
  if (writes) {
    if (Status status = check_thawed({ino}); !status.ok()) return status;
  }
  const auto found = record(ino);
  if (!found.ok()) return found.status();
  if (found->type != FileType::Regular) return Status(Code::InvalidArgument, "not a regular file");
  if (Status status = own_bytes(ino, *found); !status.ok()) return status;
  auto file = file_of(ino, writes);
  if (!file.ok()) return file.status();
  auto handle = std::make_unique<DraftHandle>(*this, *file, writes, pid);
  const MutexLock opens(opens_mutex_);
  opens_[raw(ino)].file = *file;
  return handle;
}

void DraftStore::release(DraftHandle& handle) {
  const Ino ino = handle.file_->ino();
  bool last = false;
  bool last_writer = false;
  {
    const MutexLock lock(opens_mutex_);
    const auto found = opens_.find(raw(ino));
    if (found != opens_.end()) {
      std::erase(found->second.handles, &handle);
      last = found->second.handles.empty();
      last_writer = handle.writes_ && !has_open_writer(ino);
      if (last) opens_.erase(found);
    }
  }
  released_.notify_all();
  if (last) {
    const auto found = record(ino);
    if (found.ok() && found->link_count == 0) {
      file_retired(ino);
      return;
    }
  }
  if (last_writer && handle.file_->unsummed_bytes() > 0) {
    // Written after its last close, or never closed properly: sum it now, so that a commit need not.
    workers_.submit([file = handle.file_] { (void)file->settle(); });
  }
}

// Freezing.

FrozenDraft::~FrozenDraft() { store_.thaw(*this); }

std::string FrozenDraft::path_of(std::uint32_t index) const {
  std::string path;
  for (; index != 0; index = entries_[index].parent) {
    path = path.empty() ? printable(entries_[index].name) : printable(entries_[index].name) + "/" + path;
  }
  return path;
}

void FrozenDraft::bury() {
  const MutexLock lock(store_.names_mutex_);
  for (const FrozenEntry& entry : entries_) {
    if (!entry.named_outside) store_.dead_.insert(raw(entry.ino));
  }
}

bool DraftStore::is_dead(Ino ino) const {
  const MutexLock lock(names_mutex_);
  return dead_.contains(raw(ino));
}

void DraftStore::thaw(const FrozenDraft& draft) {
  const MutexLock lock(names_mutex_);
  for (const FrozenEntry& entry : draft.entries_) frozen_.erase(raw(entry.ino));
  for (const Ino ino : draft.companions_) frozen_.erase(raw(ino));
}

Status DraftStore::collect(FrozenDraft& draft) {
  std::unordered_map<std::uint64_t, std::uint32_t> names;  // of regular files, inside
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
      draft.entries_.push_back(
          {at, std::string(key.substr(prefix.size())), child->ino, std::move(*found), 0, 0, {}, false});
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

Result<std::unique_ptr<FrozenDraft>> DraftStore::freeze(Ino root) {
  std::unique_ptr<FrozenDraft> draft(new FrozenDraft(*this));
  {
    const MutexLock lock(names_mutex_);
    if (Status status = check_thawed({root}); !status.ok()) return status;
    auto found = record(root);
    if (!found.ok()) return found.status();
    if (found->type != FileType::Directory) return Status(Code::NotADirectory, "a release is a directory");
    draft->entries_.push_back({0, "", root, std::move(*found), 0, 0, {}, false});
    Status status = collect(*draft);
    for (const FrozenEntry& entry : draft->entries_) {
      if (status.ok()) status = check_thawed({entry.ino});
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

Result<DraftSum> FrozenDraft::sum(std::uint32_t index, bool may_sum) const {
  const FrozenEntry& entry = entries_[index];
  const auto stored = [&]() -> std::optional<DraftSum> {
    const auto value = store_.keys_.get(keys::draft_sum(entry.ino));
    if (!value.ok()) return std::nullopt;
    const auto sum = DraftSum::decode(*value);
    if (!sum.ok() || (!sum->damaged && sum->size_bytes != entry.size_bytes)) return std::nullopt;
    return *sum;
  };
  if (entry.record.blob) {
    const auto value = store_.keys_.get(keys::blob(*entry.record.blob));
    if (!value.ok()) return value.status();
    const auto blob = BlobRecord::decode(*value);
    if (!blob.ok()) return blob.status();
    return DraftSum{blob->size_bytes, {*entry.record.blob, blob->crc32}, false};
  }
  auto sum = stored();
  if (!sum && !may_sum) return Status(Code::Busy, path_of(index) + " is still being summed; try again in a moment");
  if (!sum) {
    std::shared_ptr<DraftFile> file;
    {
      const MutexLock lock(store_.names_mutex_);
      auto opened = store_.file_of(entry.ino, false);
      if (!opened.ok()) return opened.status();
      file = std::move(*opened);
    }
    // A close that settles right now may have answered Busy to itself; once is enough, for nobody writes any more.
    if (Status status = file->settle(); !status.ok()) {
      return Status(status.code(), path_of(index) + ": " + status.message());
    }
    sum = stored();
  }
  if (!sum) return Status(Code::Internal, path_of(index) + " has no sum");
  if (sum->damaged) {
    return Status(Code::IoError, path_of(index) + " may have lost bytes: its sync failed once. Write that file anew");
  }
  return *sum;
}

std::uint64_t FrozenDraft::unsummed_bytes() const {
  std::uint64_t bytes = 0;
  for (const FrozenEntry& entry : entries_) {
    if (entry.record.type != FileType::Regular || entry.record.blob) continue;
    if (store_.keys_.get(keys::draft_sum(entry.ino)).code() == Code::NotFound) bytes += entry.size_bytes;
  }
  return bytes;
}

Result<File> FrozenDraft::open(std::uint32_t index) const { return open_at(store_.dir_, host_name(index), O_RDONLY); }

Status DraftStore::retire(const FrozenDraft& draft, Ino directory, std::string_view name, Batch& batch,
                          const std::function<Digest(std::uint32_t index)>& blob_of) {
  const MutexLock lock(names_mutex_);
  batch.erase(keys::draft_entry(directory, name));
  batch.put(keys::sweep(draft.entries_[0].ino), "1");
  touch_directory(directory, -1, batch);
  for (std::uint32_t index = 0; index < draft.entries_.size(); ++index) {
    const FrozenEntry& entry = draft.entries_[index];
    if (entry.record.type != FileType::Regular || !entry.named_outside) continue;
    DraftRecord kept = entry.record;
    kept.blob = blob_of(index);
    kept.mtime = entry.mtime;
    kept.atime = entry.mtime;
    batch.put(keys::draft_inode(entry.ino), kept.encode());
    batch.erase(keys::draft_sum(entry.ino));
    // Whoever opens it next must not meet the descriptor of what is a blob now.
    const MutexLock opens(opens_mutex_);
    if (const auto found = opens_.find(raw(entry.ino)); found != opens_.end()) found->second.file.reset();
  }
  return {};
}

void DraftStore::sum_in_background(const FrozenDraft& draft) {
  for (const FrozenEntry& entry : draft.entries_) {
    if (entry.record.type != FileType::Regular || entry.record.blob) continue;
    if (keys_.get(keys::draft_sum(entry.ino)).code() != Code::NotFound) continue;
    const MutexLock lock(names_mutex_);
    auto file = file_of(entry.ino, false);
    if (file.ok()) workers_.submit([file = *file] { (void)file->settle(); });
  }
}

Result<std::string> DraftStore::read_finished(FrozenDraft& draft, Ino ino, std::size_t max_bytes) {
  {
    const MutexLock lock(names_mutex_);
    if (Status status = check_thawed({ino}); !status.ok()) return status;
    frozen_.insert(raw(ino));
    draft.companions_.push_back(ino);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kReleaseWaitMs);
  if (Status status = wait_for_release(ino, "it", deadline); !status.ok()) return status;
  auto host = open_host(ino, false);
  if (!host.ok()) return host.status();
  return read_all(host->fd(), max_bytes);
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
  batch.erase(keys::draft_sum(ino));
  batch.erase(keys::nameless(ino));
  batch.erase_prefix(keys::attributes(ino));
  if (commit(batch, SpaceNeed::Reclaims).ok()) remove_host_files({ino});
}

// Sweeping.

Status DraftStore::sweep() {
  const MutexLock only(sweep_mutex_);
  std::vector<Ino> roots;
  {
    const auto snapshot = keys_.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    const Status scanned = (*snapshot)->scan("s/", "", [&](std::string_view key, std::string_view) {
      if (const auto number = parse_be64(key.substr(2)); number.ok()) roots.push_back(Ino{*number});
      return true;
    });
    if (!scanned.ok()) return scanned;
  }
  for (const Ino root : roots) {
    if (Status status = sweep_root(root); !status.ok()) return status;
  }
  return {};
}

Status DraftStore::sweep_root(Ino root) {
  std::vector<Ino> directories{root};
  for (std::size_t at = 0; at < directories.size(); ++at) {
    const auto names = list(directories[at]);
    if (!names.ok()) return names.status();
    for (std::size_t first = 0; first < names->size(); first += kSweepBatchNames) {
      Batch batch;
      std::vector<Ino> gone;
      // Several names of one file in one batch: each must see what the one before it left.
      std::unordered_map<std::uint64_t, DraftRecord> seen;
      const MutexLock lock(names_mutex_);
      for (std::size_t i = first; i < std::min(names->size(), first + kSweepBatchNames); ++i) {
        const DraftName& name = (*names)[i];
        if (name.type == FileType::Directory) {
          directories.push_back(name.ino);  // its own record goes last, when nothing leads to it any more
          continue;
        }
        batch.erase(keys::draft_entry(directories[at], name.name));
        auto known = seen.find(raw(name.ino));
        if (known == seen.end()) {
          auto found = record(name.ino);
          if (!found.ok()) continue;
          known = seen.emplace(raw(name.ino), std::move(*found)).first;
        }
        if (known->second.blob) gone.push_back(name.ino);
        drop_name(name.ino, known->second, batch, gone);
        known->second.link_count -= 1;
      }
      if (Status status = commit(batch, SpaceNeed::Reclaims); !status.ok()) return status;
      remove_host_files(gone);
      for (std::size_t i = first; i < std::min(names->size(), first + kSweepBatchNames); ++i) {
        if ((*names)[i].type != FileType::Directory) dead_.erase(raw((*names)[i].ino));
      }
    }
  }
  Batch batch;
  const MutexLock lock(names_mutex_);
  for (const Ino directory : directories) {
    batch.erase_prefix(keys::draft_entries(directory));
    batch.erase_prefix(keys::attributes(directory));
    batch.erase(keys::draft_inode(directory));
  }
  batch.erase(keys::sweep(root));
  if (Status status = commit(batch, SpaceNeed::Reclaims); !status.ok()) return status;
  for (const Ino directory : directories) dead_.erase(raw(directory));
  return {};
}

}  // namespace modelfs
