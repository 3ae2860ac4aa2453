// Opening the drafts, their host files, and what a draft inode shows.
#include "drafts/draft_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <span>

#include "base/disk_refusal.h"
#include "base/log.h"
#include "base/time.h"
#include "catalog/keys.h"
#include "catalog/records.h"

namespace modelfs {
namespace {

constexpr unsigned kFolderCount = 256;  // made when first needed

std::string folder_name(std::uint64_t number) {
  char text[4];
  std::snprintf(text, sizeof text, "%02x", static_cast<unsigned>(number & 255));
  return text;
}

std::string host_path(Ino ino) {
  char text[32];
  std::snprintf(text, sizeof text, "%02x/%" PRIx64, static_cast<unsigned>(raw(ino) & 255), raw(ino));
  return text;
}

Result<std::string> boot_id() {
  auto file = open_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY);
  if (!file.ok()) return file.status();
  return read_all(file->fd(), 128);
}

}  // namespace

DraftStore::DraftStore(int dir, KeyValueStore& keys, BlobStore& blobs, InoAllocator& inos, BlobPins& pins,
                       const Options& options)
    : dir_(dir), keys_(keys), blobs_(blobs), inos_(inos), pins_(pins), options_(options) {}

DraftStore::~DraftStore() = default;

Result<std::unique_ptr<DraftStore>> DraftStore::open(int dir, KeyValueStore& keys, BlobStore& blobs, InoAllocator& inos,
                                                     BlobPins& pins, const Options& options) {
  std::unique_ptr<DraftStore> store(new DraftStore(dir, keys, blobs, inos, pins, options));
  if (options.read_only) return store;
  if (Status status = store->keep_empty_blob(); !status.ok()) return status;
  if (Status status = unless_disk_refuses(store->forget_sums_once()); !status.ok()) return status;
  if (Status status = unless_disk_refuses(store->remove_nameless()); !status.ok()) return status;
  if (Status status = store->find_unswept(); !status.ok()) return status;
  return store;
}

Status DraftStore::forget_sums_once() {
  const MutexLock lock(sums_mutex_);
  if (!are_sums_stale_) return {};
  const Status status = forget_after_reboot();
  if (status.ok()) are_sums_stale_ = false;
  return status;
}

Result<std::string> DraftStore::stored_sum(Ino ino) const {
  if (are_sums_stale_) return Status(Code::NotFound, "sums of before the reboot are not believed");
  return keys_.get(keys::draft_hash(ino));
}

Status DraftStore::forget_after_reboot() {
  const auto current = boot_id();
  const auto stored = keys_.get(keys::kBootId);
  if (!stored.ok() && stored.code() != Code::NotFound) return stored.status();
  if (current.ok() && stored.ok() && *current == *stored) return {};
  Batch batch;
  if (stored.ok()) batch.erase_prefix("c/");
  batch.put(keys::kBootId, current.ok() ? *current : std::string("unknown"));
  return keys_.commit(batch, Durability::Buffered, SpaceNeed::Reclaims);
}

Status DraftStore::remove_nameless() {
  std::vector<Ino> gone;
  Batch batch;
  const auto snapshot = keys_.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  const Status scanned = (*snapshot)->scan("u/", "", [&](std::string_view key, std::string_view) {
    if (const auto number = parse_be64(key.substr(2)); number.ok()) {
      const Ino ino{*number};
      gone.push_back(ino);
      batch.erase(std::string(key));
      batch.erase(keys::draft_inode(ino));
      batch.erase(keys::draft_hash(ino));
      batch.erase_prefix(keys::attributes(ino));
    }
    return true;
  });
  if (!scanned.ok() || gone.empty()) return scanned;
  remove_host_files(gone);
  return commit(batch, SpaceNeed::Reclaims);
}

Status DraftStore::commit(const Batch& batch, SpaceNeed need) const {
  return keys_.commit(batch, Durability::Buffered, need);
}

Result<DraftRecord> DraftStore::record(Ino ino) const {
  const auto value = keys_.get(keys::draft_inode(ino));
  if (!value.ok()) {
    if (value.code() == Code::NotFound) return Status(Code::NotFound, "the draft is gone");
    return value.status();
  }
  return DraftRecord::decode(*value);
}

Result<DraftInode> DraftStore::present(Ino ino, DraftRecord record) const {
  DraftInode inode{ino, std::move(record), 0, 0, {}, {}, {}};
  inode.atime = inode.record.atime;
  inode.mtime = inode.record.mtime;
  inode.ctime = inode.record.ctime;
  if (inode.record.type == FileType::Symlink) inode.size_bytes = inode.record.target.size();
  if (inode.record.type != FileType::Regular) return inode;
  if (inode.record.blob) {
    inode.size_bytes = inode.record.blob->size_bytes;
    inode.blocks = inode.record.blob->allocated_bytes / 512;
    return inode;
  }
  struct stat info {};
  if (::fstatat(dir_, host_path(ino).c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    const int error = errno;
    // Removed since its record was read: the record goes first.
    if (error == ENOENT && this->record(ino).code() == Code::NotFound)
      return Status(Code::NotFound, "the draft is gone");
    return Status::from_errno(error == ENOENT ? EIO : error, "stat the bytes of draft file " + host_path(ino));
  }
  inode.size_bytes = static_cast<std::uint64_t>(info.st_size);
  inode.blocks = static_cast<std::uint64_t>(info.st_blocks);
  inode.atime = time_of(info.st_atim);
  inode.mtime = time_of(info.st_mtim);
  inode.ctime = std::max(inode.ctime, time_of(info.st_ctim));
  return inode;
}

Result<DraftInode> DraftStore::stat(Ino ino) const {
  auto found = record(ino);
  if (!found.ok()) return found.status();
  return present(ino, std::move(*found));
}

Result<DraftEntry> DraftStore::entry(Ino directory, std::string_view name) const {
  const auto value = keys_.get(keys::draft_entry(directory, name));
  if (!value.ok()) {
    if (value.code() == Code::NotFound) return Status(Code::NotFound, "no '" + printable(name) + "' here");
    return value.status();
  }
  return DraftEntry::decode(*value);
}

Result<DraftEntry> DraftStore::lookup(Ino directory, std::string_view name) const { return entry(directory, name); }

Result<std::vector<DraftName>> DraftStore::list(Ino directory) const {
  const auto snapshot = keys_.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  std::vector<DraftName> names;
  Status bad;
  const std::string prefix = keys::draft_entries(directory);
  const Status scanned = (*snapshot)->scan(prefix, "", [&](std::string_view key, std::string_view value) {
    const auto found = DraftEntry::decode(value);
    if (!found.ok()) {
      bad = found.status();
      return false;
    }
    names.push_back({std::string(key.substr(prefix.size())), found->ino, found->type});
    return true;
  });
  if (!scanned.ok()) return scanned;
  if (!bad.ok()) return bad;
  return names;
}

TimeNs DraftStore::names_changed(Ino place) const {
  const auto found = record(place);
  return found.ok() ? found->mtime : TimeNs{};
}

bool DraftStore::is_empty(Ino directory) const {
  const auto snapshot = keys_.snapshot();
  if (!snapshot.ok()) return false;
  bool empty = true;
  const Status scanned = (*snapshot)->scan(keys::draft_entries(directory), "", [&](std::string_view, std::string_view) {
    empty = false;
    return false;
  });
  return scanned.ok() && empty;
}

Result<DraftStore::NamedAt> DraftStore::name_of(Ino directory) const {
  const auto found = record(directory);
  if (!found.ok()) return found.status();
  const auto snapshot = keys_.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  NamedAt named{found->parent, ""};
  const std::string prefix = keys::draft_entries(found->parent);
  const Status scanned = (*snapshot)->scan(prefix, "", [&](std::string_view key, std::string_view value) {
    const auto entry = DraftEntry::decode(value);
    if (entry.ok() && entry->ino == directory) named.name = key.substr(prefix.size());
    return named.name.empty();
  });
  if (!scanned.ok()) return scanned;
  if (found->parent == kNoIno || named.name.empty())
    return Status(Code::NotFound, "the directory has no name any more");
  return named;
}

Status DraftStore::sync_names() {
  Batch batch;
  const auto id = boot_id();
  batch.put(keys::kBootId, id.ok() ? *id : std::string("unknown"));
  return keys_.commit(batch, Durability::Durable, SpaceNeed::Reclaims);
}

void DraftStore::touch_place(Ino place) {
  const MutexLock lock(names_mutex_);
  Batch batch;
  touch_directory(place, 0, batch);
  if (Status status = commit(batch, SpaceNeed::Reclaims); !status.ok()) log::warn("times: {}", status.message());
}

Status DraftStore::set_place_owner(Ino place, const Ownership& owner) {
  const MutexLock lock(names_mutex_);
  auto found = record(place);
  DraftRecord changed = found.ok() ? std::move(*found) : DraftRecord{};
  changed.type = FileType::Directory;
  changed.owner = owner;
  changed.ctime = now();
  Batch batch;
  batch.put(keys::draft_inode(place), changed.encode());
  return commit(batch, SpaceNeed::Reclaims);
}

// Host files.

Result<File> DraftStore::create_host(Ino ino) const {
  auto host = open_at(dir_, host_path(ino), O_RDWR | O_CREAT | O_EXCL, 0600);
  if (host.ok() || host.status().host_errno() != ENOENT) return host;
  const std::string folder = folder_name(raw(ino));
  if (::mkdirat(dir_, folder.c_str(), 0700) != 0 && errno != EEXIST)
    return Status::from_errno(errno, "create " + folder);
  return open_at(dir_, host_path(ino), O_RDWR | O_CREAT | O_EXCL, 0600);
}

Result<File> DraftStore::replace_host(Ino ino) const {
  remove_host_files({ino});  // what an earlier try has left, or a blob's other name: never write there
  return create_host(ino);
}

Result<File> DraftStore::open_host(Ino ino, bool writes) const {
  const std::string path = host_path(ino);
  auto host = open_at(dir_, path, writes ? O_RDWR : O_RDONLY);
  if (!writes || host.ok() || host.status().host_errno() != EACCES) return host;
  // A commit that failed after it had linked the file leaves it as a blob is: without w.
  if (::fchmodat(dir_, path.c_str(), 0600, 0) != 0) return Status::from_errno(errno, "chmod " + path);
  return open_at(dir_, path, O_RDWR);
}

Status DraftStore::unshare(Ino ino) const {
  const std::string path = host_path(ino);
  struct stat info {};
  if (::fstatat(dir_, path.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return Status::from_errno(errno, "stat " + path);
  if (info.st_nlink == 1) return {};
  auto from = open_at(dir_, path, O_RDONLY);
  if (!from.ok()) return from.status();
  const std::string fresh = path + ".own";
  (void)::unlinkat(dir_, fresh.c_str(), 0);
  auto to = open_at(dir_, fresh, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (!to.ok()) return to.status();
  if (Status status = copy_bytes(from->fd(), to->fd()); !status.ok()) return status;
  if (Status status = sync_file(to->fd(), fresh); !status.ok()) return status;
  const timespec times[2] = {info.st_atim, info.st_mtim};
  (void)::futimens(to->fd(), times);
  if (::renameat(dir_, fresh.c_str(), dir_, path.c_str()) != 0) return Status::from_errno(errno, "rename " + fresh);
  return {};
}

void DraftStore::remove_host_files(const std::vector<Ino>& gone) const {
  for (const Ino ino : gone) {
    if (::unlinkat(dir_, host_path(ino).c_str(), 0) != 0 && errno != ENOENT) {
      log::warn("draft file {} stays behind: {}", host_path(ino), Status::from_errno(errno, "unlink").message());
    }
  }
}

std::string FrozenDraft::host_name(std::uint32_t index) const { return host_path(entries_[index].ino); }

std::string SealedFile::host_name() const { return host_path(file_->ino()); }

Result<std::string> SealedFile::text(std::size_t max_bytes) const {
  if (hash_.size_bytes > max_bytes) {
    return Status(Code::TooLarge, "it has more than " + std::to_string(max_bytes) + " bytes");
  }
  std::string text(hash_.size_bytes, '\0');
  const auto got = read_at(host(), 0, std::as_writable_bytes(std::span(text)));
  if (!got.ok()) return got.status();
  text.resize(*got);
  return text;
}

Status DraftStore::check_space(std::uint64_t more_bytes) const {
  struct statvfs figures {};
  if (options_.reserve_bytes == 0 || ::fstatvfs(dir_, &figures) != 0) return {};
  if (figures.f_bavail * figures.f_frsize >= options_.reserve_bytes + more_bytes) return {};
  return {Code::NoSpace, "the disk of the store is full but for its reserve; remove drafts or other files"};
}

bool DraftStore::is_removed(Ino ino) const {
  const auto known = record(ino);
  return known.ok() ? known->link_count == 0 : known.code() == Code::NotFound;
}

Status DraftStore::forget_hash(Ino ino) {
  Batch batch;
  batch.erase(keys::draft_hash(ino));
  return commit(batch, SpaceNeed::Reclaims);
}

Status DraftStore::remember_hash(Ino ino, const DraftHash& hash) {
  if (Status status = forget_sums_once(); !status.ok()) return status;
  Batch batch;
  batch.put(keys::draft_hash(ino), hash.encode());
  return commit(batch, SpaceNeed::Reclaims);
}

Status DraftStore::for_each_blob(const std::function<void(const Digest&)>& visit) const {
  const auto snapshot = keys_.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  Status failed;
  const Status scanned = (*snapshot)->scan("n/", "", [&](std::string_view, std::string_view value) {
    const auto found = DraftRecord::decode(value);
    if (!found.ok()) failed = found.status();  // what cannot be read may refer to anything
    if (found.ok() && found->blob) visit(found->blob->hash.digest);
    return found.ok();
  });
  return scanned.ok() ? failed : scanned;
}

Result<std::uint64_t> DraftStore::remove_orphans() {
  std::uint64_t count = 0;
  for (unsigned i = 0; i < kFolderCount; ++i) {
    auto folder = open_at(dir_, folder_name(i), O_RDONLY | O_DIRECTORY);
    if (folder.code() == Code::NotFound) continue;
    if (!folder.ok()) return folder.status();
    std::vector<std::string> names;
    if (Status status = list_names(folder->fd(), names); !status.ok()) return status;
    for (const std::string& name : names) {
      char* end = nullptr;
      const Ino ino{std::strtoull(name.c_str(), &end, 16)};
      if (name.ends_with(".own")) {
        const MutexLock lock(names_mutex_);  // whoever makes one holds it
        count += ::unlinkat(folder->fd(), name.c_str(), 0) == 0 ? 1 : 0;
        continue;
      }
      const MutexLock lock(names_mutex_);  // whoever makes a host file holds it until its record is there
      if (*end != '\0' || record(ino).code() != Code::NotFound) continue;
      remove_host_files({ino});
      ++count;
    }
  }
  return count;
}

}  // namespace modelfs
