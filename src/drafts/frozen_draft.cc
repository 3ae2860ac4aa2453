#include "drafts/frozen_draft.h"

#include <algorithm>
#include <chrono>
#include <span>

#include "base/names.h"
#include "catalog/keys.h"
#include "drafts/draft_hashes.h"

namespace modelfs {

FrozenDraft::~FrozenDraft() {
  const NamesLock::Held held(context_.names);
  for (const FrozenEntry& entry : entries_) held.unfreeze(entry.ino);
  for (const Ino ino : companions_) held.unfreeze(ino);
}

std::string FrozenDraft::path_of(std::uint32_t index) const {
  std::string path;
  for (; index != 0; index = entries_[index].parent) {
    path = path.empty() ? printable(entries_[index].name) : printable(entries_[index].name) + "/" + path;
  }
  return path;
}

// Hashes.

Status FrozenDraft::measure(const DraftHashes& hashes) {
  for (FrozenEntry& entry : entries_) {
    auto inode = context_.inodes.present(entry.ino, entry.record);
    if (!inode.ok()) return inode.status();
    entry.size_bytes = inode->size_bytes;
    entry.allocated_bytes = inode->blocks * 512;
    entry.mtime = inode->mtime;
    if (!entry.has_own_bytes() || hashes_.contains(raw(entry.ino))) continue;
    // Why its DraftFile first: it knows what the store knows, and whoever hashes it goes on with it.
    FrozenHash known{std::nullopt, context_.opens.find(entry.ino)};
    known.hash = known.file ? known.file->recorded() : hashes.stored(entry.ino);
    if (known.hash) known.file.reset();
    hashes_.emplace(raw(entry.ino), std::move(known));
  }
  return {};
}

FrozenHash* FrozenDraft::known_of(const FrozenEntry& entry) {
  const auto found = hashes_.find(raw(entry.ino));
  return entry.has_own_bytes() && found != hashes_.end() ? &found->second : nullptr;
}

const FrozenHash* FrozenDraft::known_of(const FrozenEntry& entry) const {
  const auto found = hashes_.find(raw(entry.ino));
  return entry.has_own_bytes() && found != hashes_.end() ? &found->second : nullptr;
}

Result<DraftHash> FrozenDraft::hash(std::uint32_t index, bool may_hash) {
  const FrozenEntry& entry = entries_[index];
  if (entry.record.borrows_whole()) {
    return DraftHash{entry.size_bytes, entry.record.blob->hash, false};  // the commit looks whether it is damaged
  }
  FrozenHash* const known = known_of(entry);
  if (known == nullptr) return Status(Code::Internal, path_of(index) + " was not measured");
  const auto is_good = [&] {
    return known->hash && (known->hash->damaged || known->hash->size_bytes == entry.size_bytes);
  };
  if (!is_good() && !may_hash) {
    return Status(Code::Busy, path_of(index) + " is still being summed; try again in a moment");
  }
  if (!is_good()) {
    // A close that settles right now may have answered Conflict to itself; once is enough, for nobody writes any more.
    if (Status status = hash_now(entry, *known); !status.ok()) {
      const Code code = status.code() == Code::Conflict ? Code::Busy : status.code();
      return Status(code, path_of(index) + ": " + status.message());
    }
  }
  if (!is_good()) return Status(Code::Internal, path_of(index) + " has no sum");
  if (known->hash->damaged) {
    return Status(Code::IoError, path_of(index) + " may have lost bytes: its sync failed once. Write that file anew");
  }
  return *known->hash;
}

Status FrozenDraft::hash_now(const FrozenEntry& entry, FrozenHash& known) {
  std::shared_ptr<DraftFile> file = known.file;
  if (!file) {
    const NamesLock::Held held(context_.names);
    const OpenDraftFiles::LookedUp looked_up{known.hash};
    auto opened = context_.opens.file_of(held, entry.ino, false, &looked_up);
    if (!opened.ok()) return opened.status();
    file = std::move(*opened);
  }
  if (Status status = file->finalize(DraftFile::SettleFor::Commit); !status.ok()) return status;
  known = {file->recorded(), nullptr};
  return {};
}

std::uint64_t FrozenDraft::unhashed_bytes() const {
  std::uint64_t bytes = 0;
  for (const FrozenEntry& entry : entries_) {
    const FrozenHash* const known = known_of(entry);
    if (known != nullptr && !known->hash) bytes += entry.size_bytes;
  }
  return bytes;
}

std::uint64_t FrozenDraft::unhashed_hole_bytes() const {
  std::uint64_t bytes = 0;
  for (const FrozenEntry& entry : entries_) {
    const FrozenHash* const known = known_of(entry);
    const bool has_holes = entry.size_bytes > entry.allocated_bytes;
    if (known != nullptr && !known->hash && has_holes) bytes += entry.size_bytes - entry.allocated_bytes;
  }
  return bytes;
}

void FrozenDraft::hash_in_background() {
  for (const FrozenEntry& entry : entries_) {
    const FrozenHash* const known = known_of(entry);
    if (known == nullptr || known->hash) continue;
    const NamesLock::Held held(context_.names);
    const OpenDraftFiles::LookedUp looked_up;
    auto file = context_.opens.file_of(held, entry.ino, false, &looked_up);
    if (file.ok()) context_.opens.finalize_behind(*file);
  }
}

Result<std::string> FrozenDraft::read(std::uint32_t index, std::size_t max_bytes) const {
  const FrozenHash* const known = known_of(entries_[index]);
  const OpenDraftFiles::LookedUp looked_up{known != nullptr ? known->hash : std::nullopt};
  return read_bytes(entries_[index].ino, &looked_up, max_bytes);
}

Result<std::string> FrozenDraft::read_bytes(Ino ino, const OpenDraftFiles::LookedUp* looked_up,
                                            std::size_t max_bytes) const {
  std::shared_ptr<DraftFile> file;
  {
    const NamesLock::Held held(context_.names);
    auto opened = context_.opens.file_of(held, ino, false, looked_up);
    if (!opened.ok()) return opened.status();
    file = std::move(*opened);
  }
  const auto inode = context_.inodes.stat(ino);
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

// What joins it.

Status FrozenDraft::graft(const SealedFile& file, std::string_view name) {
  auto found = context_.records.inode(file.ino());
  if (!found.ok()) return found.status();
  const auto inode = context_.inodes.present(file.ino(), *found);
  if (!inode.ok()) return inode.status();
  FrozenEntry entry{
      0, std::string(name), file.ino(), std::move(*found), inode->size_bytes, inode->blocks * 512, inode->mtime};
  entry.grafted = true;
  entries_.push_back(std::move(entry));
  hashes_[raw(file.ino())] = {file.hash(), nullptr};
  return {};
}

Result<std::string> FrozenDraft::read_finished(Ino ino, std::size_t max_bytes) {
  {
    const NamesLock::Held held(context_.names);
    if (Status status = held.check_unfrozen({ino}); !status.ok()) return status;
    held.freeze(ino);
    companions_.push_back(ino);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kReleaseWaitMs);
  if (Status status = context_.opens.wait_for_release(ino, "it", deadline); !status.ok()) return status;
  return read_bytes(ino, nullptr, max_bytes);
}

Status FrozenDraft::freeze_replaced_dir(Ino beneath) {
  const NamesLock::Held held(context_.names);
  const auto names = context_.records.list(beneath);
  if (!names.ok()) return names.status();
  std::vector<Ino> found{beneath};
  for (const DraftName& each : *names) {
    if (each.ino == entries_[0].ino) continue;
    const bool is_stage = each.name == kStageName && each.type == FileType::Directory;
    if (!is_stage || !context_.records.is_empty(each.ino)) {
      return {Code::NotEmpty, "the draft under that name holds '" + printable(each.name) + "', too; move that away"};
    }
    found.push_back(each.ino);
  }
  for (const Ino ino : found) {
    if (Status status = held.check_unfrozen({ino}); !status.ok()) return status;
  }
  for (const Ino ino : found) held.freeze(ino);
  companions_.insert(companions_.end(), found.begin(), found.end());
  beneath_ = beneath;
  return {};
}

// Taking it out of the drafts.

Status FrozenDraft::retire(Ino directory, std::string_view name, Batch& batch,
                           const std::function<ContentHash(std::uint32_t index)>& hash_of) const {
  const NamesLock::Held held(context_.names);
  batch.erase(keys::draft_entry(directory, name));
  batch.put(keys::sweep(entries_[0].ino), "1");
  context_.records.touch_directory(directory, -1, batch);
  for (std::uint32_t index = 0; index < entries_.size(); ++index) {
    const FrozenEntry& entry = entries_[index];
    if (entry.record.type != FileType::Regular || !entry.named_outside) continue;
    DraftRecord kept = entry.record;
    kept.blob = DraftRecord::BlobBytes{hash_of(index), entry.size_bytes, entry.allocated_bytes, true};
    kept.mtime = entry.mtime;
    kept.atime = entry.mtime;
    batch.put(keys::draft_inode(entry.ino), kept.encode());
    batch.erase(keys::draft_hash(entry.ino));
    // Whoever opens it next must not meet the descriptor of what is a blob now.
    context_.opens.detach(entry.ino);
  }
  return {};
}

void FrozenDraft::retire_replaced_dir(const NamedAt& place, Batch& batch) const {
  batch.erase(keys::draft_entry(place.directory, place.name));
  batch.put(keys::sweep(beneath_), "1");
  context_.records.touch_directory(place.directory, -1, batch);
}

void FrozenDraft::mark_published() {
  {
    const NamesLock::Held held(context_.names);
    for (const FrozenEntry& entry : entries_) {
      if (!entry.named_outside && !entry.grafted) held.mark_dead(entry.ino);
    }
    if (beneath_ != kNoIno) held.mark_dead(beneath_);
  }
  context_.reclaimer.sweep_later(entries_[0].ino);
  if (beneath_ != kNoIno) context_.reclaimer.sweep_later(beneath_);
}

}  // namespace modelfs
