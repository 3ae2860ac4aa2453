#include "drafts/draft_records.h"

#include "base/time.h"
#include "catalog/keys.h"

namespace modelfs {

Result<DraftRecord> DraftRecords::inode(Ino ino) const {
  const auto value = keys_.get(keys::draft_inode(ino));
  if (!value.ok()) {
    if (value.code() == Code::NotFound) return Status(Code::NotFound, "the draft is gone");
    return value.status();
  }
  return DraftRecord::decode(*value);
}

bool DraftRecords::is_removed(Ino ino) const {
  const auto known = inode(ino);
  return known.ok() ? known->link_count == 0 : known.code() == Code::NotFound;
}

Result<DraftEntry> DraftRecords::entry(Ino directory, std::string_view name) const {
  const auto value = keys_.get(keys::draft_entry(directory, name));
  if (!value.ok()) {
    if (value.code() == Code::NotFound) return Status(Code::NotFound, "no '" + printable(name) + "' here");
    return value.status();
  }
  return DraftEntry::decode(*value);
}

Result<std::vector<DraftName>> DraftRecords::list(Ino directory) const {
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

bool DraftRecords::is_empty(Ino directory) const {
  const auto snapshot = keys_.snapshot();
  if (!snapshot.ok()) return false;
  bool empty = true;
  const Status scanned = (*snapshot)->scan(keys::draft_entries(directory), "", [&](std::string_view, std::string_view) {
    empty = false;
    return false;
  });
  return scanned.ok() && empty;
}

Result<NamedAt> DraftRecords::name_of(Ino directory) const {
  const auto found = inode(directory);
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

Status DraftRecords::for_each_blob(const std::function<void(const Digest&)>& visit) const {
  const auto snapshot = keys_.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  Status failed;
  const Status scanned = (*snapshot)->scan("n/", "", [&](std::string_view, std::string_view value) {
    const auto found = DraftRecord::decode(value);
    if (!found.ok()) failed = found.status();
    if (found.ok() && found->blob) visit(found->blob->hash.digest);
    return found.ok();
  });
  return scanned.ok() ? failed : scanned;
}

void DraftRecords::touch_directory(Ino directory, int subdirectories, Batch& batch) const {
  auto found = inode(directory);
  DraftRecord changed = found.ok() ? std::move(*found) : DraftRecord{};
  if (!found.ok()) changed.type = FileType::Directory;
  changed.link_count = static_cast<std::uint32_t>(static_cast<int>(changed.link_count) + subdirectories);
  changed.mtime = changed.ctime = now();
  batch.put(keys::draft_inode(directory), changed.encode());
}

void DraftRecords::erase_inode(Ino ino, Batch& batch) {
  batch.erase(keys::draft_inode(ino));
  batch.erase(keys::draft_hash(ino));
  batch.erase_prefix(keys::attributes(ino));
}

Status DraftRecords::commit(const Batch& batch, SpaceNeed need) const {
  return keys_.commit(batch, Durability::Buffered, need);
}

}  // namespace modelfs
